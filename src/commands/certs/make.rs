//! What certificates say: an authority, and what it signs for the two roles of nodes.

use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use aquifer_model::{Kind, Report};
use aquifer_proto::{TlsError, WORKER_NAME, names_of, wall_clock_ms};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType,
};

use crate::failure::usage;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// A certificate of a node; `certs renew` makes new ones, which running nodes take by themselves.
pub(super) const NODE_DAYS: u32 = 90;
/// The authority outlives its cluster.
const AUTHORITY_DAYS: u32 = 3650;
/// Clocks of two machines may differ by so much.
const CLOCK_MARGIN: Duration = DAY;

/// Names under which the coordinator is dialled on its own machine.
const OWN_HOSTS: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// A certificate or an authority's, and its key: in PEM form.
pub(super) struct Made {
    pub(super) certificate: String,
    pub(super) key: String,
}

pub(super) fn make_authority() -> Result<Made, Report> {
    let key = KeyPair::generate().map_err(|error| failed(&error))?;
    let certificate = authority_params().self_signed(&key).map_err(|error| failed(&error))?;
    Ok(Made { certificate: certificate.pem(), key: key.serialize_pem() })
}

/// Signs for nodes.
pub(super) struct Authority(Issuer<'static, KeyPair>);

impl Authority {
    /// Of its key alone: the rest is always the same.
    pub(super) fn of_key(pem: &str) -> Result<Self, Report> {
        let key = KeyPair::from_pem(pem).map_err(|error| {
            Report::new(Kind::Config, "no_authority", "the key of the authority cannot be read").caused_by(&error)
        })?;
        Ok(Self(Issuer::new(authority_params(), key)))
    }

    /// For this machine and the hosts. The coordinator dials nobody, so its certificate is not good for that.
    pub(super) fn sign_coordinator(&self, hosts: &[String]) -> Result<Made, Report> {
        let hosts = OWN_HOSTS.into_iter().chain(hosts.iter().map(String::as_str));
        let subjects = hosts.map(subject).collect::<Result<_, _>>()?;
        self.sign("aquifer coordinator", subjects, vec![ExtendedKeyUsagePurpose::ServerAuth])
    }

    /// For all workers, wherever they are.
    pub(super) fn sign_worker(&self) -> Result<Made, Report> {
        let uses = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        self.sign("aquifer worker", vec![subject(WORKER_NAME)?], uses)
    }

    fn sign(&self, name: &str, subjects: Vec<SanType>, uses: Vec<ExtendedKeyUsagePurpose>) -> Result<Made, Report> {
        let mut params = valid_for(NODE_DAYS);
        params.distinguished_name.push(DnType::CommonName, name);
        params.subject_alt_names = subjects;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = uses;
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate().map_err(|error| failed(&error))?;
        let certificate = params.signed_by(&key, &self.0).map_err(|error| failed(&error))?;
        Ok(Made { certificate: certificate.pem(), key: key.serialize_pem() })
    }
}

/// The same each time, but for the dates: what it signs is recognised by its name and key.
fn authority_params() -> CertificateParams {
    let mut params = valid_for(AUTHORITY_DAYS);
    params.distinguished_name.push(DnType::CommonName, "aquifer authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

fn valid_for(days: u32) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    let now = rcgen::date_time_ymd(1970, 1, 1) + Duration::from_millis(wall_clock_ms());
    params.not_before = now - CLOCK_MARGIN;
    params.not_after = now + DAY * days;
    params
}

/// The hosts of a coordinator's certificate beside this machine.
pub(super) fn hosts_of(path: &Path) -> Result<Vec<String>, TlsError> {
    let names = names_of(path)?;
    Ok(names.into_iter().filter(|name| !OWN_HOSTS.contains(&name.as_str())).collect())
}

/// A name or address of a host, as certificates have it.
fn subject(host: &str) -> Result<SanType, Report> {
    if let Ok(ip) = host.parse::<IpAddr>() {
        return Ok(SanType::IpAddress(ip));
    }
    let is_name = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_*".contains(&byte))
    };
    let name = host.to_owned().try_into().ok().filter(|_| host.len() <= 253 && host.split('.').all(is_name));
    name.map(SanType::DnsName).ok_or_else(|| {
        usage("bad_host", format!("`{host}` is no name or address of a host"))
            .hint("give what stands between https:// and the port, as node-1.example.org or 192.168.1.5")
    })
}

fn failed(error: &rcgen::Error) -> Report {
    Report::new(Kind::Work, "certificate", "a certificate cannot be made").caused_by(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_says_its_hosts() {
        let authority = Authority::of_key(&make_authority().unwrap().key).unwrap();
        let file = tempfile::NamedTempFile::new().unwrap();
        let long = format!("{0}.{0}.{0}.example.org", "a".repeat(60));
        for hosts in [vec![], vec!["node-1.example.org", "192.168.1.5", "fe80::1", &long]] {
            let hosts: Vec<String> = hosts.into_iter().map(str::to_owned).collect();
            std::fs::write(file.path(), authority.sign_coordinator(&hosts).unwrap().certificate).unwrap();
            assert_eq!(hosts_of(file.path()).unwrap(), hosts);
        }
        std::fs::write(file.path(), "").unwrap();
        assert!(hosts_of(file.path()).is_err());
    }

    #[test]
    fn hosts_are_names_or_addresses() {
        for good in ["coordinator", "node-1.example.org", "192.168.1.5", "::1", "*.example.org"] {
            assert!(subject(good).is_ok(), "{good}");
        }
        for bad in ["", "https://node", "a b", "node:7400", "é.example.org", "a..b", "../x"] {
            assert!(subject(bad).is_err(), "{bad}");
        }
    }
}
