//! The search for a target through delegated roles, beside the repository that it starts from.

use std::collections::HashMap;

use bytes::Bytes;
use ring::signature::KeyPair;
use trust::{
    Error, Fetched, Known, Limits, MetadataSource, Repository, SourceError, Store, canonical_json,
};

use crate::allocator::{MOST_BYTES, alone, most};
use crate::metadata::{envelope, filled, head, pair, root};

/// Metadata by file name, each time in memory of its own.
struct Files(HashMap<String, Bytes>);

impl MetadataSource for Files {
    async fn fetch(&self, name: &str, _: u64) -> Result<Fetched, SourceError> {
        let bytes = self.0.get(name).map(|bytes| Bytes::copy_from_slice(bytes));
        Ok(bytes.map_or(Fetched::Absent, Fetched::Bytes))
    }
}

/// A repository whose top-level role is `targets` and whose snapshot names the roles `r0` to `r99`.
fn repository(targets: Bytes) -> Repository {
    let nothing = Known::nothing();
    let timestamp =
        format!(r#"{{{},"meta":{{"snapshot.json":{{"version":1}}}}}}"#, head("timestamp"));
    let roles: String = (0..100).map(|it| format!(r#","r{it}.json":{{"version":1}}"#)).collect();
    let snapshot =
        format!(r#"{{{},"meta":{{"targets.json":{{"version":1}}{roles}}}}}"#, head("snapshot"));
    let phase = root().settle("2026-11-20T00:00:00Z".parse().unwrap()).unwrap();
    let phase = phase.accept(&nothing, envelope(&timestamp)).unwrap();
    phase.accept(&nothing, envelope(&snapshot)).unwrap().accept(targets).unwrap()
}

/// The key that signs, and `count` others that are as long as keys can be.
fn keys(count: usize) -> String {
    let mut info = hex::decode("30820454300d06092a864886f70d01010105000382044100").unwrap();
    info.resize(info.len() + 1088, 7);
    let pem = pem::encode(&pem::Pem::new("PUBLIC KEY", info)).replace("\r\n", "\\n");
    let public = hex::encode(pair().public_key());
    let mut keys = format!(
        r#""k":{{"keytype":"ed25519","scheme":"ed25519","keyval":{{"public":"{public}"}}}}"#
    );
    for number in 0..count {
        // Another key each time: one letter of its text differs.
        let at = pem.len() - 200;
        let other = format!("{}{:03}{}", &pem[..at], number, &pem[at + 3..]);
        keys.push_str(&format!(
            r#","{number:02x}":{{"keytype":"rsa","scheme":"rsassa-pss-sha256","keyval":{{"public":"{other}"}}}}"#
        ));
    }
    keys
}

fn ids(count: usize) -> String {
    (0..count).fold(r#""k""#.to_owned(), |ids, number| format!(r#"{ids},"{number:02x}""#))
}

fn role(name: &str, ids: &str) -> String {
    format!(
        r#"{{"name":"{name}","keyids":[{ids}],"threshold":1,"terminating":false,"paths":["*"]}}"#
    )
}

fn targets(delegations: &str) -> Bytes {
    envelope(&format!(r#"{{{},"targets":{{}}{delegations}}}"#, head("targets")))
}

/// Looks for a target that is not there through as many roles as may be visited.
fn search(repository: &Repository, files: &Files) -> usize {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let limits = Limits::default();
    most(|| {
        let found = runtime.block_on(trust::find(&limits, files, &store, repository, "x"));
        assert!(matches!(found, Err(Error::TooManyDelegations { limit: 32 })), "{found:?}");
    })
}

#[test]
fn a_search_takes_at_most_32_mib() {
    let _turn = alone();
    let worst = filled(
        Limits::default().targets,
        &format!(r#"{{{},"targets":{{"#, head("targets")),
        "}}",
        |number| format!(r#""{number:06x}":{{"length":1,"hashes":{{}}}}"#),
    );
    let worst = envelope(&worst);
    canonical_json(&worst).unwrap();

    let listed = ids(100);
    let broad = filled(
        Limits::default().targets,
        &format!(
            r#"{{{},"targets":{{}},"delegations":{{"keys":{{{}}},"roles":["#,
            head("targets"),
            keys(100)
        ),
        "]}}",
        |number| role(&format!("r{number}"), &listed),
    );
    let leaves = |from: usize| (from..100).map(|it| (format!("1.r{it}.json"), worst.clone()));
    let broad_files = Files(leaves(0).collect());
    let deep = |level: usize| {
        let (keys, ids) = (keys(255), ids(255));
        let roles = [role(&format!("r{level}"), &ids), role(&format!("r{}", level + 40), &ids)];
        targets(&format!(r#","delegations":{{"keys":{{{keys}}},"roles":[{}]}}"#, roles.join(",")))
    };
    let levels = (0..24).map(|level| (format!("1.r{level}.json"), deep(level + 1)));
    let deep_files = Files(leaves(24).chain(levels).collect());
    let cases = [
        ("thousands of roles with a hundred keys", repository(envelope(&broad)), broad_files),
        ("a chain of roles with many keys", repository(deep(0)), deep_files),
    ];
    for (name, repository, files) in cases {
        let most = search(&repository, &files);
        assert!(most <= MOST_BYTES, "{name}: {} KiB", most >> 10);
    }
}
