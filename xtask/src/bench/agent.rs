//! What an agent takes of a host on which nothing is new.
//!
//! One that waits is looked at through `/proc`: its memory after a look, and how often the kernel let any of its threads run while nothing was to be
//! done. A look that finds nothing is compared with a whole one; the processor's time of both is that of many runs, divided.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use cli::ByteCount;

use super::measure::{self, Bar, Missed};
use crate::command::{Run, build_programs};
use crate::error::Error;
use crate::packages::Need;
use crate::server::Server;
use crate::steps::say;
use crate::{Result, place, setup};

/// The most memory of an agent that waits.
const MEMORY: ByteCount = ByteCount(10 << 20);

/// The most processor time of a look that finds nothing.
const CPU: Duration = Duration::from_millis(20);

/// How long an agent that waits is watched.
const WATCH: Duration = Duration::from_secs(30);

/// How long it may take until it has looked.
const PATIENCE: Duration = Duration::from_secs(30);

/// Runs of a look, whose time is divided by their number: the kernel counts in hundredths of a second.
const RUNS: u32 = 50;

/// Stands for a kernel, too, whose only matter here is that it is a program of UEFI.
const STUB: &str = "/usr/lib/systemd/boot/efi/linuxx64.efi.stub";

/// Measures, after everything that is needed was made.
pub(super) fn run(rounds: u32) -> Result<Missed> {
    setup::install_packages(&[Need::Always, Need::Bench])?;
    build_programs(&["image-builder", "repo-tools", "updog"])?;
    let bed = Bed::make(&place::target().join("bench/agent"))?;
    let mut bars = bed.looks(rounds)?;
    bars.extend(bed.waiting()?);
    say("\nagent: nothing is new\n\n");
    Ok(measure::show_bars("agent", &bars))
}

/// A host and the repository that it looks at.
struct Bed {
    folder: PathBuf,
    server: Server,
}

impl Bed {
    fn make(folder: &Path) -> Result<Self> {
        place::remove_folder(folder)?;
        place::make_folder(&folder.join("rootfs/boot"))?;
        place::make_folder(&folder.join("rootfs/etc"))?;
        let path = |name: &str| folder.join(name);
        place::write(&path("rootfs/etc/os-release"), "ID=bench\nVERSION_ID=1\n")?;
        let kernel = Path::new(STUB);
        fs::copy(kernel, path("rootfs/boot/kernel")).map_err(Error::file("copy", kernel))?;
        place::write(&path("rootfs/boot/initrd"), "a filesystem")?;
        place::write(&path("image.toml"), &spec())?;
        let build = Run::ours("image-builder").args(["--quiet", "build", "--version", "1.0.0"]);
        let build = build.arg("--spec").arg(path("image.toml")).arg("--rootfs").arg(path("rootfs"));
        build.arg("--out").arg(path("parts")).run()?;
        let disk = Run::ours("image-builder").args(["--quiet", "disk"]);
        disk.arg("--parts").arg(path("parts")).arg("--out").arg(path("disk.img")).run()?;
        let init = Run::ours("repo-tools").arg("init").arg("--repo").arg(path("repo"));
        init.arg("--keys").arg(path("keys")).run()?;
        let root = path("repo/metadata/1.root.json");
        fs::copy(&root, path("root.json")).map_err(Error::file("copy", &root))?;
        // A date counts once it is a minute old: a server knows no finer ones.
        let timestamp = path("repo/metadata/timestamp.json");
        let hour_ago = SystemTime::now() - Duration::from_secs(3600);
        let aged = fs::File::options().write(true).open(&timestamp);
        let aged = aged.and_then(|file| file.set_modified(hour_ago));
        aged.map_err(Error::file("date", &timestamp))?;
        let server = Server::start(&path("repo"), &path("commands.log"))?;
        place::write(&path("os-release"), "VARIANT_ID=bench\nVERSION_ID=1.0.0\n")?;
        place::write(&path("updog.toml"), &settings(server.url()))?;
        Ok(Self { folder: folder.to_owned(), server })
    }

    fn updog(&self, arguments: &[&str]) -> Run {
        let run = Run::ours("updog").arg("--config").arg(self.folder.join("updog.toml"));
        let run = run.arg("--disk").arg(self.folder.join("disk.img")).args(["--active", "A"]);
        run.args(arguments).accept(&[0, 3])
    }

    /// A look that finds nothing, against a whole one, and how often each asks.
    fn looks(&self, rounds: u32) -> Result<Vec<Bar>> {
        self.updog(&["--quiet", "check-update"]).run()?;
        let short = ["--quiet", "check-update", "--if-changed"];
        let before = self.requests()?;
        self.updog(&short).run()?;
        let asked = self.requests()?.saturating_sub(before);
        let (mut shorts, mut wholes) = (Vec::new(), Vec::new());
        for _ in 0..rounds {
            shorts.push(self.cpu(&short)?);
            wholes.push(self.cpu(&["--quiet", "check-update"])?);
        }
        let (short, whole) = (median(shorts), median(wholes));
        let shown = |time: Duration| format!("{:.1} ms", time.as_secs_f64() * 1000.0);
        let limit = format!("at most {}", shown(CPU));
        Ok(vec![
            Bar::new("requests of a look", &asked.to_string(), "1", asked == 1),
            Bar::new("processor time of a look", &shown(short), &limit, short <= CPU),
            Bar::ratio(
                "of a whole look's".to_owned(),
                short.as_secs_f64() / whole.as_secs_f64(),
                None,
            ),
        ])
    }

    /// The processor time of one run.
    fn cpu(&self, arguments: &[&str]) -> Result<Duration> {
        let report = self.folder.join("cpu");
        let script = format!(
            "i=0; while [ $i -lt {RUNS} ]; do {}/{} >/dev/null || [ $? = 3 ] || exit 1; i=$((i+1)); done",
            place::target().join("release").display(),
            self.updog(arguments).shown()
        );
        let run = Run::new("sh").args(["-c", &script]);
        let output = format!("--output={}", report.display());
        run.under("/usr/bin/time", &["--format=%U %S", &output]).run()?;
        let text = place::read(&report)?;
        let seconds: f64 =
            text.split_whitespace().filter_map(|word| word.parse::<f64>().ok()).sum();
        Ok(Duration::from_secs_f64(seconds) / RUNS)
    }

    /// Lines of the server's record.
    fn requests(&self) -> Result<usize> {
        Ok(place::read(&self.folder.join("requests.log"))?.lines().count())
    }

    /// An agent that has looked, and waits.
    fn waiting(&self) -> Result<Vec<Bar>> {
        let before = self.requests()?;
        let agent = Agent(self.updog(&["agent"]).spawn()?.0);
        let began = Instant::now();
        self.updog(&["proceed"]).run()?;
        while self.requests()? == before {
            if began.elapsed() > PATIENCE {
                return Err(Error::Untrue("the agent did not look for an update".to_owned()));
            }
            thread::sleep(Duration::from_millis(100));
        }
        // What it does after the look, and the look at the disk that follows a change.
        thread::sleep(Duration::from_secs(8));
        let (first, resident) = (agent.switches()?, agent.resident()?);
        thread::sleep(WATCH);
        let woken = agent.switches()?.saturating_sub(first);
        let _ = &self.server;
        Ok(vec![
            measure::bytes("resident memory, waiting", resident, MEMORY),
            Bar::new(
                &format!("times woken in {} s", WATCH.as_secs()),
                &woken.to_string(),
                "0",
                woken == 0,
            ),
        ])
    }
}

/// A running agent; ends with this value.
struct Agent(Child);

impl Agent {
    fn resident(&self) -> Result<ByteCount> {
        let kibibytes = self.fields(&PathBuf::from(format!("/proc/{}", self.0.id())), "VmRSS")?;
        Ok(ByteCount(kibibytes.saturating_mul(1024)))
    }

    /// How often the kernel has taken any of its threads from a processor: as often as it had put it there.
    fn switches(&self) -> Result<u64> {
        let folder = PathBuf::from(format!("/proc/{}/task", self.0.id()));
        let tasks = fs::read_dir(&folder).map_err(Error::file("list", &folder))?;
        let mut count = 0;
        for task in tasks.flatten() {
            count += self.fields(&task.path(), "ctxt_switches")?;
        }
        Ok(count)
    }

    /// The sum of the numbers of all lines of a status whose names have this in them.
    fn fields(&self, folder: &Path, name: &str) -> Result<u64> {
        let text = place::read(&folder.join("status"))?;
        let lines = text.lines().filter_map(|line| line.split_once(':'));
        let lines = lines.filter(|(field, _)| field.contains(name));
        let number =
            |value: &str| value.split_whitespace().next().and_then(|word| word.parse::<u64>().ok());
        Ok(lines.filter_map(|(_, value)| number(value)).sum())
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        // It may have ended by itself; there is nothing left to do then.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

fn spec() -> String {
    format!(
        "variant = \"bench\"\narch = \"x86_64\"\nproduct_line = \"bench\"\nkernel = \"boot/kernel\"\n\
         stub = \"host:{STUB}\"\ninitramfs = \"boot/initrd\"\n\
         [sizes]\nefi = 8\nboot = 8\nroot = 8\nhash = 1\nreserved = 1\nprivate = 1\ndata = 1\n"
    )
}

fn settings(url: &str) -> String {
    format!(
        "metadata_base_url = \"{url}/metadata/\"\ntargets_base_url = \"{url}/targets/\"\nseed = 7\n\
         root_path = \"root.json\"\nos_release_path = \"os-release\"\nmetadata_cache = \"metadata\"\n\
         migrations_dir = \"migrations\"\nstate_dir = \"state\"\n\
         [agent]\ncheck = \"manual\"\nreboot_required_path = \"reboot-required\"\n"
    )
}
