//! The address at which peers are told to find this worker.

use std::net::{IpAddr, SocketAddr, ToSocketAddrs, UdpSocket};
use std::time::Duration;

use aquifer_model::{Kind, Report};
use aquifer_proto::check_url;

use crate::config::Config;

/// A coordinator that starts together with this worker may not have a name yet.
const NAME_TRIES: u32 = 60;
const NAME_AGAIN: Duration = Duration::from_millis(500);

/// As the configuration says; else the one that is listened on, and where that is all of them, the one that leads to the
/// coordinator.
pub(crate) async fn advertised(config: &Config, listening: SocketAddr) -> Result<String, Report> {
    if let Some(url) = &config.advertise {
        check_url(&*config.seams.network, url)?;
        let scheme = if config.credentials.tls.is_some() { "https://" } else { "http://" };
        if !url.starts_with(scheme) {
            let message = format!("peers of this cluster are reached by {scheme}, and {url} is to be advertised");
            return Err(
                Report::new(Kind::Config, "bad_advertise", message).hint("a cluster has TLS everywhere or nowhere")
            );
        }
        return Ok(url.clone());
    }
    if !listening.ip().is_unspecified() {
        return Ok(aquifer_proto::url(listening, config.credentials.tls.as_ref()));
    }
    check_url(&*config.seams.network, &config.coordinator)?;
    let ip = own_ip(&config.coordinator).await?;
    Ok(aquifer_proto::url(SocketAddr::new(ip, listening.port()), config.credentials.tls.as_ref()))
}

async fn own_ip(coordinator: &str) -> Result<IpAddr, Report> {
    let mut last = None;
    for _ in 0..NAME_TRIES {
        let to = authority(coordinator)?;
        match tokio::task::spawn_blocking(move || ip_towards(&to)).await {
            Ok(Ok(ip)) => return Ok(ip),
            Ok(Err(error)) => last = Some(error),
            Err(_) => {}
        }
        tokio::time::sleep(NAME_AGAIN).await;
    }
    let message = format!("no way to {coordinator} is known, and so no address for peers");
    let report = Report::new(Kind::Access, "no_address", message).hint("give --advertise URL");
    Err(match last {
        Some(error) => report.caused_by(&error),
        None => report,
    })
}

/// Host and port of a URL.
fn authority(url: &str) -> Result<(String, u16), Report> {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let rest = rest.split('/').next().unwrap_or(rest);
    let (host, port) = rest.rsplit_once(':').unwrap_or((rest, "443"));
    let port = port.parse().map_err(|_| {
        Report::new(Kind::Config, "bad_url", format!("{url} has no port")).hint("give --cluster https://HOST:PORT")
    })?;
    Ok((host.trim_matches(['[', ']']).to_owned(), port))
}

/// The system's choice for that way; nothing is sent.
fn ip_towards(to: &(String, u16)) -> std::io::Result<IpAddr> {
    let mut last = std::io::Error::from(std::io::ErrorKind::NotFound);
    for address in (to.0.as_str(), to.1).to_socket_addrs()? {
        let any: SocketAddr = match address {
            SocketAddr::V4(_) => ([0, 0, 0, 0], 0).into(),
            SocketAddr::V6(_) => ([0u16; 8], 0).into(),
        };
        let way = UdpSocket::bind(any).and_then(|socket| socket.connect(address).and_then(|()| socket.local_addr()));
        match way {
            Ok(own) => return Ok(own.ip()),
            Err(error) => last = error,
        }
    }
    Err(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_to_loopback_is_loopback() {
        assert!(ip_towards(&("127.0.0.1".to_owned(), 7400)).unwrap().is_loopback());
        assert!(ip_towards(&("no-such-host.invalid".to_owned(), 7400)).is_err());
    }

    #[test]
    fn hosts_and_ports_are_read_from_urls() {
        let read = |url: &str| authority(url).unwrap();
        assert_eq!(read("https://coordinator:7400"), ("coordinator".to_owned(), 7400));
        assert_eq!(read("https://[::1]:7400/"), ("::1".to_owned(), 7400));
        assert_eq!(read("https://coordinator"), ("coordinator".to_owned(), 443));
        assert!(authority("https://coordinator:x").is_err());
    }
}
