//! One virtual machine.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::RecvTimeoutError;
use std::time::{Duration, Instant};

use super::case::Failure;
use super::console::{Said, lines};
use super::failing::{Failing, WHOLE};
use super::monitor::Monitor;

/// The firmware, and the variables that it starts with. From Debian's package `ovmf`.
const FIRMWARE: &str = "/usr/share/OVMF/OVMF_CODE_4M.fd";
const VARIABLES: &str = "/usr/share/OVMF/OVMF_VARS_4M.fd";

/// The firmware that knows Secure Boot, from the same package. Only from system management mode can its variables be written.
const SECURE_FIRMWARE: &str = "/usr/share/OVMF/OVMF_CODE_4M.secboot.fd";
const SECURE: [&str; 4] =
    ["-machine", "smm=on", "-global", "driver=cfi.pflash01,property=secure,value=on"];

/// Some twenty times what a boot to a stand-in takes on a quiet machine: others are busy.
const PATIENCE: Duration = Duration::from_secs(240);

/// Where a guest of a machine with a network finds its server.
pub const SERVER: &str = "10.0.2.100";

/// The address that such a guest has to give itself, with the length of its network; there is no gateway.
pub const GUEST: &str = "10.0.2.15/24";

/// Where a guest finds its orders, in sysfs: below it a folder an order, with the order in a file `raw`.
pub const ORDERS: &str = "/sys/firmware/qemu_fw_cfg/by_name/opt/waystone";

/// The disk as a device.
const DEVICE: &str = "medium";

/// How long nothing is said before whoever follows is told so.
const SILENCE: Duration = Duration::from_secs(15);

/// How a boot ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The machine restarted or switched itself off.
    Itself,
    /// Who followed it heard enough.
    Enough,
    /// Its time was over.
    Time,
}

/// How the disk is attached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bus {
    /// As most hypervisors do.
    Virtio,
    /// As most computers do.
    Nvme,
    /// As old computers do.
    Sata,
}

impl Bus {
    fn device(self, (node, block_size): (&str, u64)) -> String {
        let sizes = format!("logical_block_size={block_size},physical_block_size={block_size}");
        match self {
            Self::Virtio => {
                format!(
                    "virtio-blk-pci,id={DEVICE},drive={node},{sizes},werror=report,rerror=report"
                )
            }
            Self::Nvme => format!("nvme,drive={node},serial=waystone,{sizes}"),
            Self::Sata => format!("ide-hd,drive={node},bus=ide.0"),
        }
    }
}

/// A kernel that QEMU puts into memory and starts by itself, without firmware.
#[derive(Clone, Debug)]
pub struct Kernel {
    /// The kernel.
    pub image: PathBuf,
    /// Its initial RAM filesystem.
    pub initramfs: PathBuf,
    /// Its command line.
    pub command_line: String,
}

/// A machine with one disk, without a network unless it is given one.
#[derive(Clone, Debug)]
pub struct Machine {
    folder: PathBuf,
    disk: PathBuf,
    block_size: u64,
    bus: Bus,
    read_only: bool,
    mebibytes: u32,
    patience: Duration,
    kernel: Option<Kernel>,
    secure_boot: Option<PathBuf>,
    record: Option<PathBuf>,
    failing: Option<Failing>,
    arguments: Vec<String>,
}

impl Machine {
    /// A machine with this disk of 512-byte blocks, whose variables and console are kept in a folder.
    #[must_use]
    pub fn new(folder: &Path, disk: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            disk: disk.to_owned(),
            block_size: 512,
            bus: Bus::Virtio,
            read_only: false,
            mebibytes: 256,
            patience: PATIENCE,
            kernel: None,
            secure_boot: None,
            record: None,
            failing: None,
            arguments: Vec::new(),
        }
    }

    /// With a disk of other blocks.
    #[must_use]
    pub fn blocks(mut self, bytes: u64) -> Self {
        self.block_size = bytes;
        self
    }

    /// With the disk attached in another way.
    #[must_use]
    pub fn bus(mut self, bus: Bus) -> Self {
        self.bus = bus;
        self
    }

    /// With a disk that refuses to be written.
    #[must_use]
    pub fn read_only(mut self) -> Self {
        self.read_only = true;
        self
    }

    /// With every write and flush of the disk kept in a file, in order.
    ///
    /// # Errors
    ///
    /// Fails if the file cannot be made.
    pub fn record(mut self, log: &Path) -> Result<Self, Failure> {
        File::create(log).map_err(|cause| Failure::io("create", log, &cause))?;
        self.record = Some(log.to_owned());
        Ok(self)
    }

    /// With a disk that fails. It has to be on the bus of virtio, and nothing is recorded.
    #[must_use]
    pub(super) fn failing(mut self, failing: Failing) -> Self {
        self.failing = Some(failing);
        self
    }

    /// With a kernel in place of the firmware.
    #[must_use]
    pub fn kernel(mut self, kernel: Kernel) -> Self {
        self.kernel = Some(kernel);
        self
    }

    /// With Secure Boot, and with these variables to begin with.
    #[must_use]
    pub fn secure_boot(mut self, variables: &Path) -> Self {
        self.secure_boot = Some(variables.to_owned());
        self
    }

    /// With more arguments for QEMU.
    #[must_use]
    pub fn with(mut self, arguments: &[&str]) -> Self {
        self.arguments.extend(arguments.iter().map(|argument| (*argument).to_owned()));
        self
    }

    /// With another size of memory than 256 MiB.
    #[must_use]
    pub fn memory(mut self, mebibytes: u32) -> Self {
        self.mebibytes = mebibytes;
        self
    }

    /// With a network that leads to one place: what the guest sends to port 80 of [`SERVER`] goes to a port of this
    /// computer's loopback address. Everything else is lost.
    #[must_use]
    pub fn network(self, port: u16) -> Self {
        let relay = format!("nc.openbsd -N 127.0.0.1 {port}");
        let net = format!("user,id=net,restrict=on,guestfwd=tcp:{SERVER}:80-cmd:{relay}");
        // The card's ROM would need one more package, and firmware has a driver of its own.
        self.with(&["-netdev", &net, "-device", "virtio-net-pci,netdev=net,romfile="])
    }

    /// With an order, which the guest finds under [`ORDERS`] if it has the module `qemu_fw_cfg`.
    #[must_use]
    pub fn order(self, name: &str, order: &str) -> Self {
        self.with(&["-fw_cfg", &format!("name=opt/waystone/{name},string={}", in_option(order))])
    }

    /// With another time limit.
    #[must_use]
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Starts the machine and lets it run until it says a line that contains one of these; then it is switched off.
    ///
    /// # Errors
    ///
    /// Fails if it falls silent, goes away or takes too long before.
    pub fn boot(&self, name: &str, until: &[&str]) -> Result<Said, Failure> {
        let is_last = |line: &str| until.iter().any(|text| line.contains(text));
        let (said, end) = self.follow(name, &mut |_, line| line.is_some_and(is_last))?;
        match end {
            End::Enough => Ok(said),
            end => Err(self.no_verdict(name, end, until, &said)),
        }
    }

    /// Starts the machine and lets it run until it restarts or switches itself off.
    ///
    /// # Errors
    ///
    /// Fails if it takes too long.
    pub fn run(&self, name: &str) -> Result<Said, Failure> {
        match self.follow(name, &mut |_, _| false)? {
            (said, End::Itself) => Ok(said),
            (said, _) => Err(Failure::new(&format!(
                "boot {name}: the machine did not end by itself in {:?}:\n{said}",
                self.patience
            ))),
        }
    }

    /// Starts the machine and lets somebody hear every line as it comes, with the time since the start, and nothing after a
    /// while of silence. The machine runs until it ends by itself, the hearer has heard enough, or its time is over.
    ///
    /// # Errors
    ///
    /// Fails if the machine cannot be started.
    pub fn follow(
        &self,
        name: &str,
        is_enough: &mut dyn FnMut(Duration, Option<&str>) -> bool,
    ) -> Result<(Said, End), Failure> {
        let log = self.console(name);
        let file = File::create(&log).map_err(|cause| Failure::io("create", &log, &cause))?;
        let mut running = Running(self.start()?);
        let start = Instant::now();
        let output = running.0.stdout.take().ok_or_else(|| Failure::new("QEMU has no output"))?;
        let receiver = lines(output, file, start);
        let mut said = Said::default();
        let mut turns = self.failing.iter().flat_map(Failing::turns).peekable();
        loop {
            let left = self.patience.saturating_sub(start.elapsed());
            let (time, line) = match receiver.recv_timeout(left.min(SILENCE)) {
                Ok((time, line)) => (time, Some(line)),
                Err(RecvTimeoutError::Disconnected) => return Ok((said, End::Itself)),
                Err(RecvTimeoutError::Timeout) if left <= SILENCE => return Ok((said, End::Time)),
                Err(RecvTimeoutError::Timeout) => (start.elapsed(), None),
            };
            let is_due = |line: &String, (text, _): &(String, _)| line.contains(text);
            let due = line.as_ref().and_then(|line| turns.next_if(|turn| is_due(line, turn)));
            if let Some((_, node)) = due {
                Monitor::connect(&self.monitor())?.set_drive(DEVICE, node)?;
            }
            let enough = is_enough(time, line.as_deref());
            said.0.extend(line.map(|line| (time, line)));
            if enough {
                return Ok((said, End::Enough));
            }
        }
    }

    /// Where everything is kept that is said in a boot of this name.
    #[must_use]
    pub fn console(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.console"))
    }

    fn no_verdict(&self, name: &str, end: End, until: &[&str], said: &Said) -> Failure {
        let how = match end {
            End::Itself => "went away before".to_owned(),
            _ => format!("said nothing of it in {:?}", self.patience),
        };
        let errors = self.errors();
        Failure::new(&format!("boot {name} waits for {until:?}; the guest {how}:\n{said}{errors}"))
    }

    /// Where QEMU listens in a boot with a disk that fails.
    fn monitor(&self) -> PathBuf {
        self.folder.join("monitor")
    }

    /// What QEMU complained of in the last boot.
    #[must_use]
    pub fn errors(&self) -> String {
        fs::read_to_string(self.folder.join("qemu.errors")).unwrap_or_default()
    }

    fn start(&self) -> Result<Child, Failure> {
        let errors = self.folder.join("qemu.errors");
        let errors =
            File::create(&errors).map_err(|cause| Failure::io("create", &errors, &cause))?;
        // It ends with the thread that follows it, also if this program is killed.
        Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "qemu-system-x86_64"])
            .args(self.command_line()?)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(errors)
            .spawn()
            .map_err(|cause| Failure::new(&format!("cannot run qemu-system-x86_64: {cause}")))
    }

    fn command_line(&self) -> Result<Vec<String>, Failure> {
        let machine = "-nodefaults -accel tcg,thread=multi -machine q35 -display none -serial stdio -no-reboot";
        let mut line: Vec<String> = machine.split_whitespace().map(str::to_owned).collect();
        line.extend(["-m".to_owned(), self.mebibytes.to_string()]);
        line.extend(match &self.kernel {
            Some(kernel) => kernel.arguments(),
            None => self.firmware()?,
        });
        line.extend(self.drive());
        let node = self.failing.as_ref().map_or(WHOLE, Failing::first);
        line.extend(["-device".to_owned(), self.bus.device((node, self.block_size))]);
        line.extend(self.arguments.iter().cloned());
        Ok(line)
    }

    /// What the disk is made of. What the guest flushes is not flushed here: this computer does not lose power.
    fn drive(&self) -> Vec<String> {
        let file = |name: &str, path: &Path| {
            let path = in_option(&path.display().to_string());
            format!("driver=file,node-name={name},filename={path},cache.no-flush=on")
        };
        let nodes = match (&self.record, &self.failing) {
            (Some(log), _) => {
                let recorder = "driver=blklogwrites,node-name=disk,file=below,log=log,log-super-update-interval=1";
                vec![file("below", &self.disk), file("log", log), recorder.to_owned()]
            }
            (None, Some(failing)) => vec![file(WHOLE, &self.disk), failing.node()],
            (None, None) => return ["-drive".to_owned(), self.plain_drive()].into(),
        };
        let mut line: Vec<String> =
            nodes.into_iter().flat_map(|node| ["-blockdev".to_owned(), node]).collect();
        if self.failing.is_some() {
            let monitor = in_option(&self.monitor().display().to_string());
            line.extend(["-qmp".to_owned(), format!("unix:{monitor},server=on,wait=off")]);
        }
        line
    }

    fn plain_drive(&self) -> String {
        let disk = in_option(&self.disk.display().to_string());
        let read_only = if self.read_only { "on" } else { "off" };
        format!("if=none,id=disk,format=raw,cache=unsafe,readonly={read_only},file={disk}")
    }

    /// The firmware, with variables of its own.
    fn firmware(&self) -> Result<Vec<String>, Failure> {
        let (code, empty, kind) = match &self.secure_boot {
            Some(variables) => (SECURE_FIRMWARE, variables.as_path(), "-secure"),
            None => (FIRMWARE, Path::new(VARIABLES), ""),
        };
        // What firmware remembers of one bus would lead it astray on another.
        let variables = self.folder.join(format!("variables-{:?}{kind}.fd", self.bus));
        if !variables.exists() {
            fs::copy(empty, &variables)
                .map_err(|cause| Failure::io("copy to", &variables, &cause))?;
        }
        let flash = |unit: u8, file: &Path, mode: &str| {
            let file = in_option(&file.display().to_string());
            ["-drive".to_owned(), format!("if=pflash,format=raw,unit={unit},file={file}{mode}")]
        };
        let mut line =
            [flash(0, Path::new(code), ",readonly=on"), flash(1, &variables, "")].concat();
        if self.secure_boot.is_some() {
            line.extend(SECURE.map(str::to_owned));
        }
        Ok(line)
    }
}

/// A text as a part of one of QEMU's options, where two commas stand for one.
fn in_option(text: &str) -> String {
    text.replace(',', ",,")
}

impl Kernel {
    fn arguments(&self) -> Vec<String> {
        let path = |path: &Path| path.display().to_string();
        let pairs = [
            ("-kernel", path(&self.image)),
            ("-initrd", path(&self.initramfs)),
            ("-append", self.command_line.clone()),
        ];
        pairs.into_iter().flat_map(|(name, value)| [name.to_owned(), value]).collect()
    }
}

/// A process that ends with its owner.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_comma_in_an_order_ends_nothing() {
        let kernel =
            Kernel { image: "k".into(), initramfs: "i".into(), command_line: String::new() };
        let machine = Machine::new(Path::new(""), Path::new("disk")).kernel(kernel);
        let line = machine.order("steps", "one,two").command_line().unwrap();
        assert!(line.contains(&"name=opt/waystone/steps,string=one,,two".to_owned()), "{line:?}");
    }
}
