# plateau_unit(common NAME): one line per test program.
