# plateau_unit(worker NAME): one line per test program.
