# plateau_unit(proto NAME): one line per test program.
