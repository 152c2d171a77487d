"""Cases with known answers, which ``docketsim validate`` runs; their files are beside this one."""
