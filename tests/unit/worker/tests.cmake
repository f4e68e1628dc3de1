# plateau_unit(worker NAME): one line per test program.
plateau_unit(worker kernels)
plateau_unit(worker ranking)
plateau_unit(worker tape)
plateau_unit(worker model)
plateau_unit(worker strategy)
