# plateau_unit(proto/ROOM NAME): one line per test program.
plateau_unit(proto table_spec)
plateau_unit(proto/wire security USES plateau_stranger Threads::Threads TIMEOUT 400)
plateau_unit(proto tree)
plateau_unit(proto shard)
plateau_unit(proto frame)
plateau_unit(proto frame_refused)
plateau_unit(proto parts)
plateau_unit(proto/wire wire)
