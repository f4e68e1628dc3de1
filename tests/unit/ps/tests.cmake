# plateau_unit(ps NAME): one line per test program.
