# plateau_unit(ps NAME): one line per test program.
plateau_unit(ps optimizer)
plateau_unit(ps adam)
plateau_unit(ps table)
plateau_unit(ps checkpoint USES ${PLATEAU_HDF5})
plateau_unit(ps clock)
plateau_unit(ps server TIMEOUT 400)
plateau_unit(ps server_load TIMEOUT 400)
plateau_unit(ps admission USES Threads::Threads)
