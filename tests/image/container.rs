//! Running containers.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::LazyLock;

use finsent_testing::models::write_random_bert;
use finsent_testing::{Address, wait_until};

/// The images' names.
pub(crate) const IMAGE: &str = "finsent";
pub(crate) const MINI: &str = "finsent-mini";

/// What a careful host allows: nothing but memory and the CPU.
pub(crate) const HARDENED: [&str; 8] = [
    "--read-only",
    "--cap-drop=ALL",
    "--security-opt=no-new-privileges",
    "--network=none",
    "--memory=256m",
    "--memory-swap=256m",
    "--cpus=0.5",
    "--pids-limit=64",
];

/// Where the image expects models, and what is mounted there: models of BERT-base's shape with random weights, `bert` in
/// f32 and `bert-int8` as `finsent convert` in the image writes it.
pub(crate) static MODELS: LazyLock<PathBuf> = LazyLock::new(|| {
    let models = Path::new(env!("CARGO_TARGET_TMPDIR")).join("models");
    if !models.join("bert-int8").exists() {
        fs::create_dir_all(models.join("bert")).unwrap();
        write_random_bert(&models.join("bert"));
        // The image's user is nobody here.
        fs::set_permissions(&models, Permissions::from_mode(0o777)).unwrap();
        let mount = format!("--volume={}:/models", models.display());
        let args = ["convert", "/models/bert", "/models/bert-int8", "--precision", "int8"];
        let output = run(&["--network=none", "--read-only", &mount], IMAGE, &args);
        assert!(output.status.success(), "{output:?}");
    }
    models
});

/// The option that mounts [`MODELS`], for reading.
pub(crate) fn mounted_models() -> String {
    format!("--volume={}:/models:ro", MODELS.display())
}

/// The engine of containers. Its own default runtime does not start where control groups are of the first version.
pub(crate) fn podman(args: &[&str]) -> Command {
    let mut command = Command::new("podman");
    command.args(["--runtime=runc"]).args(args);
    command
}

/// The output of the engine's command, which has to succeed, without the line's end.
#[track_caller]
pub(crate) fn ask(args: &[&str]) -> String {
    let output = podman(args).output().unwrap();
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

/// Runs a container to its end.
pub(crate) fn run(options: &[&str], image: &str, args: &[&str]) -> Output {
    podman(&["run", "--rm"]).args(LIMITS).args(options).arg(image).args(args).output().unwrap()
}

/// Files and processes of a user here may be fewer than the engine's defaults.
const LIMITS: [&str; 2] = ["--ulimit=nofile=1024:1024", "--ulimit=nproc=4096:4096"];

/// A running container; it ends with the test.
pub(crate) struct Container {
    pub(crate) id: String,
    /// Where its service listens.
    pub(crate) address: Address,
}

impl Container {
    /// Starts one with these options, whose service listens at `address`.
    pub(crate) fn start(address: Address, options: &[&str], image: &str, args: &[&str]) -> Self {
        let command = [&["run", "--detach"], &LIMITS[..], options, &[image], args].concat();
        Self { id: ask(&command), address }
    }

    pub(crate) fn wait_until_ready(&self) {
        wait_until("the server is ready", || {
            assert_eq!(self.state("Running"), "true", "{}", self.log());
            podman(&["exec", &self.id, "/finsent", "health", "--ready"]).output().unwrap().status.success()
        });
    }

    pub(crate) fn log(&self) -> String {
        let output = podman(&["logs", &self.id]).output().unwrap();
        String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
    }

    /// A field of the engine's description of it.
    pub(crate) fn state(&self, field: &str) -> String {
        ask(&["inspect", "--format", &format!("{{{{.State.{field}}}}}"), &self.id])
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        podman(&["rm", "--force", "--time=0", &self.id]).output().unwrap();
    }
}
