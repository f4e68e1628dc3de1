# plateau_unit(launch/ROOM NAME): one line per test program.
plateau_unit(launch/fault zmtp)
plateau_unit(launch/fault script)
plateau_unit(launch/fault flow)
plateau_unit(launch/fault proxy USES plateau::proto Threads::Threads)
plateau_unit(launch/data data_tools)
plateau_unit(launch/host blas_core)
plateau_unit(launch/host last_word)
