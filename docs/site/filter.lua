-- filter.lua - what pages of the site have otherwise than the Markdown they are made of: links lead to pages of the site,
-- and wide things scroll by themselves.
--
-- Metadata   dir: the folder of the page, from the top ("docs/methods", "" at the top).
-- Writes     to the file WANTED, a path from the top per line: files that links lead to and that are no Markdown.

local dir, wanted

-- "docs/methods" and "../cluster.md": "docs/cluster.md".
local function resolve(from, path)
  local parts = {}
  for part in (from .. "/" .. path):gmatch("[^/]+") do
    if part == ".." then
      table.remove(parts)
    elseif part ~= "." then
      parts[#parts + 1] = part
    end
  end
  return table.concat(parts, "/")
end

local function is_outside(target)
  return target:match("^%a[%w+.-]*:") or target:match("^//") or target == ""
end

-- README.md of a folder is its index.html; Markdown becomes HTML; files and folders have a page that shows them.
local function rewrite(target)
  if is_outside(target) or target:match("^#") then return target end
  local path, anchor = target:match("^([^#]*)(#?.*)$")
  if path:match("%.md$") then
    path = path:gsub("README%.md$", "index.md"):gsub("%.md$", ".html")
  else
    local place = resolve(dir, path)
    wanted:write(place, "\n")
    path = path:gsub("/$", "") .. ".html"
  end
  return path .. anchor
end

function Meta(meta)
  dir = pandoc.utils.stringify(meta.dir)
  wanted = io.open(pandoc.utils.stringify(meta.wanted), "w")
end

local function title_of(page)
  local file = io.open(page)
  if not file then return nil end
  for line in file:lines() do
    local title = line:match("^# (.+)")
    if title then
      file:close()
      return (title:gsub("`", ""))
    end
  end
  file:close()
end

-- A link that is called after its file, "determinism.md 3", is called after the page: "Determinism 3".
local function name(element)
  local text = pandoc.utils.stringify(element.content)
  local file, rest = text:match("^([%w%-_./]+%.md)(.*)$")
  local path = element.target:match("^([^#]*)")
  if not file or path == "" or path:sub(-#file) ~= file then return end
  local title = title_of(resolve(dir, path))
  if title then element.content = {pandoc.Str(title .. rest)} end
end

local function link(element)
  if not is_outside(element.target) then name(element) end
  element.target = rewrite(element.target)
  return element
end

local function image(element)
  if not is_outside(element.src) then wanted:write("=", resolve(dir, element.src), "\n") end
  element.attributes.loading = "lazy"
  return element
end

-- A last column of sentences keeps room to be read, where many are in front of it.
local function has_sentences(element)
  for _, body in ipairs(element.bodies) do
    for _, row in ipairs(body.body) do
      local last = row.cells[#row.cells]
      if #row.cells > 3 and #pandoc.utils.stringify(last.contents) > 60 then return true end
    end
  end
  return false
end

local function wide(element)
  return pandoc.Div({element}, pandoc.Attr("", has_sentences(element) and {"wide", "told"} or {"wide"}))
end

-- The metadata is read before anything that asks for it.
return {{Meta = Meta}, {Link = link, Image = image, Table = wide}}
