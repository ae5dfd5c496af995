//! A disk that fails: which requests QEMU's driver `blkdebug` answers with an error (its docs/devel/blkdebug.rst), and when.
//!
//! The guest is told of each error: `werror` and `rerror` are `report`, without which QEMU may stop the machine instead.

/// How a request is answered: with "Input/output error", all that a virtio disk can say.
const EIO: u8 = 5;

/// The node of the disk itself, and the one before it that fails.
pub(super) const WHOLE: &str = "disk";
pub(super) const FAILING: &str = "failing";

/// What a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Request {
    /// To read.
    Read,
    /// To write.
    Write,
    /// To put what was written on the medium.
    Flush,
}

/// Requests that fail.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fault {
    request: Request,
    /// Only those that touch this sector.
    sector: Option<u64>,
    /// Only the first of them.
    once: bool,
}

impl Fault {
    /// Every request of a kind.
    pub(super) fn every(request: Request) -> Self {
        Self { request, sector: None, once: false }
    }

    /// Requests of a kind that touch a sector.
    pub(super) fn at(request: Request, sector: u64) -> Self {
        Self { request, sector: Some(sector), once: false }
    }

    /// The first of them alone.
    pub(super) fn once(self) -> Self {
        Self { once: true, ..self }
    }

    /// As options of the driver.
    fn options(self, number: usize) -> String {
        let Self { request, sector, once } = self;
        let iotype = match request {
            Request::Read => "read",
            Request::Write => "write",
            Request::Flush => "flush",
        };
        let rule = |key: &str, value: &dyn std::fmt::Display| {
            format!(",inject-error.{number}.{key}={value}")
        };
        // Without an event the rule counts from the start.
        let mut text = rule("event", &"none") + &rule("iotype", &iotype) + &rule("errno", &EIO);
        text += &rule("once", &if once { "on" } else { "off" });
        text + &sector.map(|sector| rule("sector", &sector)).unwrap_or_default()
    }
}

/// What fails of a disk, from when and until when.
#[derive(Clone, Debug)]
pub(super) struct Failing {
    faults: Vec<Fault>,
    from: Option<String>,
    until: Option<String>,
}

impl Failing {
    /// A disk that fails in these ways as long as the machine runs.
    pub(super) fn new(faults: &[Fault]) -> Self {
        Self { faults: faults.to_vec(), from: None, until: None }
    }

    /// It begins to when this is said.
    pub(super) fn from(self, line: &str) -> Self {
        Self { from: Some(line.to_owned()), ..self }
    }

    /// It is well again when this is said.
    pub(super) fn until(self, line: &str) -> Self {
        Self { until: Some(line.to_owned()), ..self }
    }

    /// The node that the machine begins with.
    pub(super) fn first(&self) -> &'static str {
        if self.from.is_some() { WHOLE } else { FAILING }
    }

    /// What is said before the node is changed, and to which, in that order.
    pub(super) fn turns(&self) -> Vec<(String, &'static str)> {
        let from = self.from.iter().map(|line| (line.clone(), FAILING));
        from.chain(self.until.iter().map(|line| (line.clone(), WHOLE))).collect()
    }

    /// The node that fails, before the one that does not.
    pub(super) fn node(&self) -> String {
        let rules = self.faults.iter().enumerate().map(|(number, fault)| fault.options(number));
        let rules: String = rules.collect();
        format!("driver=blkdebug,node-name={FAILING},image={WHOLE}{rules}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_a_rule_of_the_driver() {
        let failing = Failing::new(&[Fault::at(Request::Write, 7).once()]).until("enough");
        let rule = "inject-error.0.event=none,inject-error.0.iotype=write,inject-error.0.errno=5,\
                    inject-error.0.once=on,inject-error.0.sector=7";
        assert!(failing.node().ends_with(rule), "{}", failing.node());
        assert_eq!(failing.first(), FAILING);
        assert_eq!(failing.turns(), [("enough".to_owned(), WHOLE)]);
    }
}
