//! A TUF repository in memory: an attack is a change of one of its fields.

use std::collections::{BTreeMap, HashMap};
use std::sync::Mutex;

use bytes::Bytes;
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde_json::{Value, json};
use trust::{Fetched, MetadataSource, RoleName, Sha256, SourceError, canonical_json};

/// Signs for roles; made from a number, so that a test names its keys.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Signer(pub(crate) u8);

impl Signer {
    fn pair(self) -> Ed25519KeyPair {
        Ed25519KeyPair::from_seed_unchecked(&[self.0; 32]).unwrap()
    }

    pub(crate) fn key(self) -> Value {
        let public = hex::encode(self.pair().public_key());
        json!({ "keytype": "ed25519", "scheme": "ed25519", "keyval": { "public": public } })
    }

    pub(crate) fn id(self) -> String {
        Sha256::of(&canonical(&self.key())).to_string()
    }

    /// A signature over the canonical form of `signed`.
    pub(crate) fn sign(self, signed: &Value) -> Value {
        let signature = self.pair().sign(&canonical(signed));
        json!({ "keyid": self.id(), "sig": hex::encode(signature) })
    }
}

pub(crate) fn canonical(value: &Value) -> Vec<u8> {
    canonical_json(value.to_string().as_bytes()).unwrap()
}

/// The `signed` part with signatures.
pub(crate) fn envelope(signed: &Value, signatures: Vec<Value>) -> Bytes {
    let text = json!({ "signed": signed, "signatures": signatures });
    serde_json::to_vec_pretty(&text).unwrap().into()
}

pub(crate) const ROOT_KEY: Signer = Signer(1);
pub(crate) const TIMESTAMP_KEY: Signer = Signer(2);
pub(crate) const SNAPSHOT_KEY: Signer = Signer(3);
pub(crate) const TARGETS_KEY: Signer = Signer(4);
pub(crate) const THIEF: Signer = Signer(99);

/// When everything expires, unless a test says otherwise.
pub(crate) const EXPIRES: &str = "2030-01-01T00:00:00Z";

/// What a repository answers.
pub(crate) struct Simulator {
    /// The root that the next [`Simulator::publish_root`] signs.
    pub(crate) root: Value,
    pub(crate) timestamp: Value,
    pub(crate) snapshot: Value,
    pub(crate) targets: Value,
    /// Delegated roles, by name, with who signs for each.
    pub(crate) delegated: BTreeMap<String, (Value, Vec<Signer>)>,
    /// Who signs for a role, whatever the root says.
    pub(crate) signers: HashMap<RoleName, Vec<Signer>>,
    /// Other ids that keys were given, by the ids that they had.
    pub(crate) renamed: HashMap<String, String>,
    /// Signed roots, from version 1.
    pub(crate) roots: Vec<Bytes>,
    /// Answers in place of the true ones.
    pub(crate) instead: HashMap<String, Fetched>,
    /// What was asked for.
    pub(crate) requests: Mutex<Vec<String>>,
}

impl Simulator {
    pub(crate) fn new() -> Self {
        let role = |signer: Signer| json!({ "keyids": [signer.id()], "threshold": 1 });
        let signers = [
            (RoleName::Root, ROOT_KEY),
            (RoleName::Timestamp, TIMESTAMP_KEY),
            (RoleName::Snapshot, SNAPSHOT_KEY),
            (RoleName::Targets, TARGETS_KEY),
        ];
        let keys: serde_json::Map<_, _> =
            signers.iter().map(|(_, signer)| (signer.id(), signer.key())).collect();
        let roles: serde_json::Map<_, _> =
            signers.iter().map(|(name, signer)| (name.to_string(), role(*signer))).collect();
        let mut simulator = Self {
            root: signed(
                "root",
                0,
                json!({ "consistent_snapshot": true, "keys": keys, "roles": roles }),
            ),
            timestamp: signed(
                "timestamp",
                1,
                json!({ "meta": { "snapshot.json": { "version": 1 } } }),
            ),
            snapshot: signed(
                "snapshot",
                1,
                json!({ "meta": { "targets.json": { "version": 1 } } }),
            ),
            targets: signed("targets", 1, json!({ "targets": {} })),
            signers: signers.into_iter().map(|(name, signer)| (name, vec![signer])).collect(),
            delegated: BTreeMap::new(),
            renamed: HashMap::new(),
            roots: Vec::new(),
            instead: HashMap::new(),
            requests: Mutex::default(),
        };
        simulator.publish_root();
        simulator
    }

    /// Adds a target.
    pub(crate) fn add_target(&mut self, name: &str, contents: &[u8]) {
        let hashes = json!({ "sha256": Sha256::of(contents).to_string() });
        self.targets["targets"][name] = json!({ "length": contents.len(), "hashes": hashes });
    }

    /// Has `delegator`, which is `targets` or a delegated role, delegate to `name`; the role is made if it is new.
    ///
    /// `scope` is what the delegation says beside name and keys, such as `paths`.
    pub(crate) fn delegate(&mut self, delegator: &str, name: &str, signer: Signer, scope: Value) {
        let empty = || (signed("targets", 1, json!({ "targets": {} })), vec![signer]);
        self.delegated.entry(name.to_owned()).or_insert_with(empty);
        let from = match delegator {
            "targets" => &mut self.targets,
            other => &mut self.delegated.get_mut(other).unwrap().0,
        };
        if from["delegations"].is_null() {
            from["delegations"] = json!({ "keys": {}, "roles": [] });
        }
        from["delegations"]["keys"][signer.id()] = signer.key();
        let mut role = json!({
            "name": name, "keyids": [signer.id()], "threshold": 1, "terminating": false,
        });
        role.as_object_mut().unwrap().extend(scope.as_object().unwrap().clone());
        from["delegations"]["roles"].as_array_mut().unwrap().push(role);
    }

    /// A delegated role's fields.
    pub(crate) fn delegated_mut(&mut self, name: &str) -> &mut Value {
        &mut self.delegated.get_mut(name).unwrap().0
    }

    /// Adds a target to a delegated role.
    pub(crate) fn add_delegated_target(&mut self, role: &str, name: &str, contents: &[u8]) {
        let hashes = json!({ "sha256": Sha256::of(contents).to_string() });
        let entry = json!({ "length": contents.len(), "hashes": hashes });
        self.delegated_mut(role)["targets"][name] = entry;
    }

    /// A delegated role's file as it is signed now.
    pub(crate) fn delegated_bytes(&self, name: &str) -> Bytes {
        let (signed, signers) = &self.delegated[name];
        envelope(signed, signers.iter().map(|signer| signer.sign(signed)).collect())
    }

    /// Raises and signs the root, with the keys that signed for the last one as well.
    pub(crate) fn publish_root(&mut self) {
        bump(&mut self.root);
        let mut signers = self.signers[&RoleName::Root].clone();
        if !signers.contains(&ROOT_KEY) {
            signers.push(ROOT_KEY);
        }
        let signatures = signers.iter().map(|signer| signer.sign(&self.root)).collect();
        self.roots.push(envelope(&self.root, signatures));
    }

    /// Raises targets, snapshot and timestamp.
    pub(crate) fn publish(&mut self) {
        bump(&mut self.targets);
        self.publish_snapshot();
    }

    /// Raises snapshot and timestamp, the snapshot naming the targets metadata as it is.
    pub(crate) fn publish_snapshot(&mut self) {
        bump(&mut self.snapshot);
        self.snapshot["meta"]["targets.json"] = self.metafile(RoleName::Targets);
        for name in self.delegated.keys() {
            let bytes = self.delegated_bytes(name);
            self.snapshot["meta"][format!("{name}.json")] = json!({
                "version": self.delegated[name].0["version"],
                "length": bytes.len(),
                "hashes": { "sha256": Sha256::of(&bytes).to_string() },
            });
        }
        self.publish_timestamp();
    }

    /// Raises the timestamp, naming the snapshot as it is.
    pub(crate) fn publish_timestamp(&mut self) {
        bump(&mut self.timestamp);
        self.timestamp["meta"]["snapshot.json"] = self.metafile(RoleName::Snapshot);
    }

    fn metafile(&self, role: RoleName) -> Value {
        let bytes = self.bytes(role);
        json!({
            "version": self.signed(role)["version"],
            "length": bytes.len(),
            "hashes": { "sha256": Sha256::of(&bytes).to_string() },
        })
    }

    /// Has `new` sign for `role` from the next root on, in place of all others.
    pub(crate) fn replace_key(&mut self, role: RoleName, new: Signer) {
        self.root["keys"][new.id()] = new.key();
        self.root["roles"][role.as_str()]["keyids"] = json!([new.id()]);
        self.signers.insert(role, vec![new]);
    }

    /// Lets `new` sign for `role` as well from the next root on.
    pub(crate) fn add_key(&mut self, role: RoleName, new: Signer) {
        self.root["keys"][new.id()] = new.key();
        let keyids = self.root["roles"][role.as_str()]["keyids"].as_array_mut().unwrap();
        keyids.push(json!(new.id()));
        self.signers.get_mut(&role).unwrap().push(new);
    }

    /// Gives the key of `role` another id from the next root on.
    pub(crate) fn rename_key(&mut self, role: RoleName) {
        let [signer] = self.signers[&role][..] else { panic!("not one signer") };
        let id = format!("another-{}", signer.id());
        self.root["keys"][&id] = signer.key();
        self.root["roles"][role.as_str()]["keyids"] = json!([id]);
        self.renamed.insert(signer.id(), id);
    }

    pub(crate) fn signed(&self, role: RoleName) -> &Value {
        match role {
            RoleName::Root => &self.root,
            RoleName::Timestamp => &self.timestamp,
            RoleName::Snapshot => &self.snapshot,
            RoleName::Targets => &self.targets,
        }
    }

    pub(crate) fn signed_mut(&mut self, role: RoleName) -> &mut Value {
        match role {
            RoleName::Root => &mut self.root,
            RoleName::Timestamp => &mut self.timestamp,
            RoleName::Snapshot => &mut self.snapshot,
            RoleName::Targets => &mut self.targets,
        }
    }

    /// The current file of a role, signed by its signers.
    pub(crate) fn bytes(&self, role: RoleName) -> Bytes {
        let signed = self.signed(role);
        let sign = |signer: &Signer| {
            let mut signature = signer.sign(signed);
            if let Some(id) = self.renamed.get(&signer.id()) {
                signature["keyid"] = json!(id);
            }
            signature
        };
        envelope(signed, self.signers[&role].iter().map(sign).collect())
    }

    /// The file name under which a role's current file is asked for.
    pub(crate) fn file(&self, role: RoleName) -> String {
        match role {
            RoleName::Timestamp => role.file_name().to_owned(),
            _ => role.versioned(self.signed(role)["version"].as_u64().unwrap()),
        }
    }

    /// Answers `bytes` when the current file of `role` is asked for.
    pub(crate) fn answer(&mut self, role: RoleName, bytes: Bytes) {
        self.instead.insert(self.file(role), Fetched::Bytes(bytes));
    }

    fn find(&self, name: &str) -> Option<Bytes> {
        if let Some(version) = name.strip_suffix(".root.json") {
            let version: usize = version.parse().unwrap();
            return self.roots.get(version.checked_sub(1)?).cloned();
        }
        let delegated = self
            .delegated
            .iter()
            .find(|(role, (signed, _))| name == format!("{}.{role}.json", signed["version"]));
        if let Some((role, _)) = delegated {
            return Some(self.delegated_bytes(role));
        }
        let roles = [RoleName::Timestamp, RoleName::Snapshot, RoleName::Targets];
        let role = roles.into_iter().find(|role| self.file(*role) == name)?;
        Some(self.bytes(role))
    }
}

impl MetadataSource for Simulator {
    async fn fetch(&self, name: &str, _: u64) -> Result<Fetched, SourceError> {
        self.requests.lock().unwrap().push(name.to_owned());
        Ok(match self.instead.get(name) {
            Some(answer) => answer.clone(),
            None => self.find(name).map_or(Fetched::Absent, Fetched::Bytes),
        })
    }
}

/// Raises the version by one.
pub(crate) fn bump(signed: &mut Value) {
    signed["version"] = json!(signed["version"].as_u64().unwrap() + 1);
}

fn signed(kind: &str, version: u64, fields: Value) -> Value {
    let mut signed = json!({
        "_type": kind, "spec_version": "1.0.31", "version": version, "expires": EXPIRES,
    });
    signed.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    signed
}
