//! Load on an HTTP API: clients that send the same JSON again and again, each as soon as it has its answer.
//!
//! ```text
//! load HOST:PORT PATH BODY CLIENTS SECONDS
//! ```
//!
//! BODY is a file. Prints how many requests were answered and the milliseconds within which half and 99 % of them were, as JSON. An answer
//! that is not 200 ends it. A client is a thread with one connection, so that little of the machine goes into asking.

use std::{
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [host, path, body, clients, seconds] = arguments.as_slice() else { bail!("give HOST:PORT PATH BODY CLIENTS SECONDS") };
    let body = std::fs::read_to_string(body).with_context(|| format!("cannot read {body}"))?;
    let length = body.len();
    let request =
        format!("POST {path} HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}");
    let (clients, end) = (clients.parse::<usize>()?, Instant::now() + Duration::try_from_secs_f64(seconds.parse()?)?);
    let mut took = thread::scope(|scope| {
        let clients: Vec<_> = (0..clients).map(|_| scope.spawn(|| send_until(end, host, request.as_bytes()))).collect();
        let took = clients.into_iter().map(|client| client.join().unwrap_or_else(|_| bail!("a client panicked")));
        took.collect::<anyhow::Result<Vec<_>>>().map(|took| took.concat())
    })?;
    took.sort_unstable();
    let within = |percent: usize| took.get(took.len() * percent / 100).map_or(0.0, |took| took.as_secs_f64() * 1e3);
    writeln!(io::stdout(), "{{\"requests\": {}, \"p50_ms\": {}, \"p99_ms\": {}}}", took.len(), within(50), within(99))?;
    Ok(())
}

/// One client; what each of its answers took.
fn send_until(end: Instant, host: &str, request: &[u8]) -> anyhow::Result<Vec<Duration>> {
    let mut connection = BufReader::new(TcpStream::connect(host)?);
    connection.get_ref().set_nodelay(true)?;
    let mut took = Vec::new();
    while Instant::now() < end {
        let start = Instant::now();
        connection.get_mut().write_all(request)?;
        read_answer(&mut connection)?;
        took.push(start.elapsed());
    }
    Ok(took)
}

fn read_answer(connection: &mut BufReader<TcpStream>) -> anyhow::Result<()> {
    let mut line = || {
        let mut line = String::new();
        connection.read_line(&mut line).map(|_| line.trim_end().to_ascii_lowercase())
    };
    let (status, mut length) = (line()?, 0);
    loop {
        let header = line()?;
        if header.is_empty() {
            break;
        }
        if let Some(value) = header.strip_prefix("content-length:") {
            length = value.trim().parse()?;
        }
    }
    let mut body = vec![0; length];
    connection.read_exact(&mut body)?;
    if status.split(' ').nth(1) != Some("200") {
        bail!("{status}: {}", String::from_utf8_lossy(&body));
    }
    Ok(())
}
