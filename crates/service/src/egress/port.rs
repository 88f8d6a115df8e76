//! Which ports are called. Those of well-known services are not: a name that leads to a public address can still lead to
//! a database that should not have been reachable.

/// Ports from 1024 on that are refused, and what listens there.
const SERVICES: &[(u16, &str)] = &[
    (1433, "SQL Server"),
    (1521, "Oracle"),
    (1723, "PPTP"),
    (2049, "NFS"),
    (2181, "ZooKeeper"),
    (2375, "Docker"),
    (2376, "Docker"),
    (2379, "etcd"),
    (2380, "etcd"),
    (3306, "MySQL"),
    (3389, "remote desktops"),
    (4369, "Erlang's port mapper"),
    (5060, "SIP"),
    (5061, "SIP"),
    (5432, "PostgreSQL"),
    (5671, "RabbitMQ"),
    (5672, "RabbitMQ"),
    (5900, "VNC"),
    (5984, "CouchDB"),
    (5985, "WinRM"),
    (5986, "WinRM"),
    (6000, "X11"),
    (6379, "Redis"),
    (6380, "Redis"),
    (6443, "Kubernetes"),
    (6666, "IRC"),
    (6667, "IRC"),
    (6697, "IRC"),
    (8086, "InfluxDB"),
    (8500, "Consul"),
    (9042, "Cassandra"),
    (9092, "Kafka"),
    (9200, "Elasticsearch"),
    (9300, "Elasticsearch"),
    (10_250, "kubelet"),
    (10_255, "kubelet"),
    (11_211, "memcached"),
    (15_672, "RabbitMQ"),
    (25_672, "RabbitMQ"),
    (27_017, "MongoDB"),
];

/// Why a port is not called.
pub(super) fn refusal(port: u16) -> Option<&'static str> {
    match port {
        443 => None,
        0..1024 => Some("another service of the system"),
        _ => SERVICES.iter().find(|(refused, _)| *refused == port).map(|(_, service)| *service),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn https_and_ports_of_no_known_service_are_called() {
        for port in [443, 8443, 1024, 3000, 8080, 9000, 65_535] {
            assert_eq!(refusal(port), None, "{port}");
        }
        for port in [0, 22, 25, 80, 442, 444, 1023, 2375, 5432, 6379, 9200, 11_211, 27_017] {
            assert!(refusal(port).is_some(), "{port}");
        }
    }

    #[test]
    fn each_port_stands_once_in_the_table_and_in_order() {
        assert!(SERVICES.is_sorted_by(|a, b| a.0 < b.0));
        assert!(SERVICES.iter().all(|(port, _)| *port >= 1024));
    }
}
