//! A TCP proxy on 127.0.0.1 that cuts connections where a test wants it.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    ops::RangeInclusive,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use rand::{RngExt, SeedableRng, rngs::StdRng};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy},
    net::{TcpListener, TcpStream},
    task::{JoinHandle, JoinSet},
    time::sleep,
};

/// Where one connection is cut. Both sides see it break: neither gets a proper end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// Not at all.
    Never,
    /// When so many bytes of the answer went through; with 0, before the first.
    AfterBytes(u64),
    /// So long after it was opened.
    AfterDelay(Duration),
}

/// The running proxy; it and its connections end when it is dropped.
pub struct Proxy {
    address: SocketAddr,
    cuts: Arc<AtomicU64>,
    task: JoinHandle<()>,
}

impl Proxy {
    /// Listens on a free port and forwards to `upstream`; `plan` says for each connection where it is cut.
    ///
    /// # Errors
    /// If there is no port to be had.
    pub async fn start(upstream: SocketAddr, plan: impl FnMut() -> Cut + Send + 'static) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let cuts = Arc::new(AtomicU64::new(0));
        let task = tokio::spawn(accept(listener, upstream, plan, Arc::clone(&cuts)));
        Ok(Proxy { address, cuts, task })
    }

    /// `http://127.0.0.1:PORT`, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How many connections were cut before they ended by themselves.
    pub fn cuts(&self) -> u64 {
        self.cuts.load(Ordering::Relaxed)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A plan that cuts every connection, half of them at a random byte and half at a random moment; the same seed gives
/// the same plan.
pub fn random_cuts(
    seed: u64,
    bytes: RangeInclusive<u64>,
    delay: RangeInclusive<Duration>,
) -> impl FnMut() -> Cut + Send + 'static {
    let mut random = StdRng::seed_from_u64(seed);
    move || {
        if random.random_bool(0.5) {
            Cut::AfterBytes(random.random_range(bytes.clone()))
        } else {
            Cut::AfterDelay(random.random_range(delay.clone()))
        }
    }
}

async fn accept(
    listener: TcpListener,
    upstream: SocketAddr,
    mut plan: impl FnMut() -> Cut + Send + 'static,
    cuts: Arc<AtomicU64>,
) {
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        match listener.accept().await {
            Ok((client, _)) => _ = connections.spawn(forward(client, upstream, plan(), Arc::clone(&cuts))),
            // One connection's own (ECONNABORTED), or the descriptors are used up for the moment.
            Err(_) => sleep(Duration::from_millis(10)).await,
        }
    }
}

async fn forward(mut client: TcpStream, upstream: SocketAddr, cut: Cut, cuts: Arc<AtomicU64>) {
    // A server that is down is told by the end of the connection, as without a proxy.
    let Ok(mut server) = TcpStream::connect(upstream).await else { return };
    if pass(&mut client, &mut server, cut).await {
        cuts.fetch_add(1, Ordering::Relaxed);
        // With zero linger a close is a reset: what the system still holds of the answer is thrown away.
        let _ = (client.set_zero_linger(), server.set_zero_linger());
    }
}

/// Forwards until an end or the cut; whether it was the cut.
async fn pass(client: &mut TcpStream, server: &mut TcpStream, cut: Cut) -> bool {
    let (mut from_client, mut to_client) = client.split();
    let (mut from_server, mut to_server) = server.split();
    let (limit, delay) = match cut {
        Cut::Never => (u64::MAX, Duration::MAX),
        Cut::AfterBytes(bytes) => (bytes, Duration::MAX),
        Cut::AfterDelay(delay) => (u64::MAX, delay),
    };
    let answer = async {
        let passed = copy(&mut (&mut from_server).take(limit), &mut to_client).await;
        // A read that a limit of 0 bytes did not do: the cut comes when the answer does.
        let more = passed.as_ref().is_ok_and(|passed| *passed == limit);
        more && (limit > 0 || from_server.readable().await.is_ok())
    };
    let request = async {
        let sent = copy(&mut from_client, &mut to_server).await;
        let _ = to_server.shutdown().await;
        if sent.is_ok() {
            // The client may have closed its half only and still wait for the answer.
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        cut = answer => cut,
        () = request => false,
        () = sleep(delay) => true,
    }
}
