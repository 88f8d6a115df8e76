//! A name server that answers as a test wants: by UDP, `A` and `AAAA`, and nothing that anybody may keep.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex, MutexGuard};

const A: u16 = 1;
const AAAA: u16 = 28;
/// A query's and an answer's first bytes (RFC 1035, section 4.1.1).
const HEADER: usize = 12;

/// What is known of names.
#[derive(Debug, Default)]
struct State {
    /// In lower case; a name without addresses gets no answer, and one that is not here does not exist.
    names: HashMap<String, Vec<IpAddr>>,
    queries: Vec<String>,
}

/// A name server on a free port of the loopback interface.
#[derive(Clone, Debug)]
pub struct Dns {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

impl Dns {
    /// Starts a name server that knows no name.
    ///
    /// # Panics
    /// When no port is free.
    #[must_use]
    pub fn start() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a port is free");
        let address = socket.local_addr().expect("it is bound");
        let server = Self { address, state: Arc::default() };
        let answering = server.clone();
        // Ends with the test's process.
        std::thread::spawn(move || {
            let mut query = [0; 512];
            while let Ok((length, client)) = socket.recv_from(&mut query) {
                if let Some(answer) = answering.answer(&query[..length]) {
                    // Who asked may be gone.
                    let _ = socket.send_to(&answer, client);
                }
            }
        });
        server
    }

    /// Where it is asked.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// From here on a name has these addresses; without any it is not answered at all.
    ///
    /// # Panics
    /// When one is not an address.
    pub fn set(&self, name: &str, addresses: &[&str]) {
        let addresses = addresses.iter().map(|address| address.parse().expect("an address")).collect();
        self.lock().names.insert(name.to_owned(), addresses);
    }

    /// The names that were asked for, once for each kind of address.
    #[must_use]
    pub fn queries(&self) -> Vec<String> {
        self.lock().queries.clone()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no test panics while it holds this")
    }

    fn answer(&self, query: &[u8]) -> Option<Vec<u8>> {
        let (name, end) = name(query)?;
        let kind = u16::from_be_bytes([*query.get(end)?, *query.get(end + 1)?]);
        let mut state = self.lock();
        state.queries.push(name.clone());
        let known = state.names.get(&name);
        if known.is_some_and(Vec::is_empty) {
            return None;
        }
        let addresses: Vec<Vec<u8>> = known
            .into_iter()
            .flatten()
            .filter_map(|address| match address {
                IpAddr::V4(address) if kind == A => Some(address.octets().into()),
                IpAddr::V6(address) if kind == AAAA => Some(address.octets().into()),
                _ => None,
            })
            .collect();
        let mut answer = query[..2].to_vec();
        // An answer, recursion available; 3 where there is no such name.
        answer.extend([0x81, if known.is_some() { 0x80 } else { 0x83 }]);
        answer.extend([0, 1, 0, u8::try_from(addresses.len()).ok()?, 0, 0, 0, 0]);
        answer.extend(&query[HEADER..end + 4]);
        for address in addresses {
            // The name of the question, class IN, a time to live of nothing.
            answer.extend([0xc0, 12]);
            answer.extend(kind.to_be_bytes());
            answer.extend([0, 1, 0, 0, 0, 0, 0, u8::try_from(address.len()).ok()?]);
            answer.extend(address);
        }
        Some(answer)
    }
}

/// The name that is asked for, and where it ends.
fn name(query: &[u8]) -> Option<(String, usize)> {
    let (mut labels, mut at) = (Vec::new(), HEADER);
    loop {
        let length = usize::from(*query.get(at)?);
        at += 1;
        if length == 0 {
            return Some((labels.join("."), at));
        }
        let label = query.get(at..at + length)?;
        labels.push(String::from_utf8_lossy(label).to_ascii_lowercase());
        at += length;
    }
}
