# plateau_unit(faults NAME): the parts of the fault proxy.
plateau_unit(faults zmtp)
plateau_unit(faults script)
plateau_unit(faults flow)
plateau_unit(faults proxy USES plateau::proto Threads::Threads)
