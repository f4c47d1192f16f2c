//! The Dockerfile, as far as it can be tested without a registry of images: the files that it copies exist, its steps make a valid
//! workspace, and the image's commands work with the programs.

use std::path::Path;
use std::process::Command;

use oss_tests::operations::{Instruction, dockerfile, only, path, repository};
use oss_tests::process::built;
use oss_tests::python::{run_successfully, tool};
use oss_tests::server::Server;

/// The instructions of the stage that builds.
fn build_stage() -> Vec<Instruction> {
    let instructions = dockerfile();
    let stages = instructions.split(|instruction| instruction.keyword == "FROM");
    let [_, build, _run]: [_; 3] = stages.collect::<Vec<_>>().try_into().expect("two stages");
    build.to_vec()
}

#[test]
fn a_linter_finds_nothing() {
    run_successfully(tool("hadolint").arg(path("Dockerfile")));
}

/// Runs the steps of the build stage, but cargo only resolves the workspace instead of building it.
#[test]
fn the_steps_of_the_build_make_a_valid_workspace() {
    const RESOLVE: &str = r#"set -e; cargo() { [ "$1 $2" = "build --release" ]; shift 2; command cargo tree --offline --quiet "$@"; }; "#;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut resolved = Vec::new();
    for Instruction { keyword, rest } in build_stage() {
        match keyword.as_str() {
            "COPY" => copy(&rest, folder.path()),
            "RUN" => {
                let mut step = Command::new("sh");
                resolved.push(run_successfully(
                    step.args(["-c", &format!("{RESOLVE}{rest}")]).current_dir(&folder),
                ));
            }
            _ => assert!(matches!(keyword.as_str(), "WORKDIR" | "ARG"), "{keyword}"),
        }
    }
    let [dependencies, programs]: [String; 2] = resolved.try_into().expect("two builds");
    assert_eq!(dependencies, programs, "the layer of dependencies builds what the programs need");
    for program in ["oss-cli v", "oss-server v"] {
        assert!(programs.contains(program), "{programs}");
    }
    assert!(!programs.contains("wiremock v"), "{programs}");
}

/// Copies as the builder does, without ignored files: a file into a folder, or the contents of a folder.
fn copy(arguments: &str, into: &Path) {
    let words: Vec<&str> = arguments.split(' ').collect();
    let (target, sources) = words.split_last().expect("a target");
    let ignored = std::fs::read_to_string(repository().join(".dockerignore")).expect("a .dockerignore");
    let target = into.join(target);
    std::fs::create_dir_all(&target).expect("a folder");
    for source in sources {
        let keeps =
            |line: &str| line.strip_prefix('!').is_some_and(|kept| Path::new(source).starts_with(kept));
        assert!(ignored.lines().any(keeps), "{source} is ignored");
        let source = repository().join(source);
        let what = if source.is_dir() { source.join(".") } else { source };
        run_successfully(Command::new("cp").arg("-r").arg(what).arg(&target));
    }
}

#[test]
fn the_image_has_both_programs() {
    let copied = dockerfile().into_iter().rfind(|found| found.keyword == "COPY").expect("a COPY").rest;
    let copied: Vec<&str> = copied.split(' ').collect();
    let [stage, programs @ .., target] = copied.as_slice() else { panic!("{copied:?}") };
    assert_eq!((*stage, *target), ("--from=build", "/usr/local/bin/"));
    for (program, name) in programs.iter().zip(["oss-server", "oss"]) {
        assert_eq!(*program, format!("/build/target/release/{name}"));
        assert!(built(name).exists());
    }
    assert_eq!(programs.len(), 2);
}

#[test]
fn the_image_starts_the_server_with_room_for_its_connections() {
    let words = json_words(&only("ENTRYPOINT"));
    let folder = built("oss-server");
    let path = format!("{}:/usr/bin:/bin", folder.parent().expect("a folder").display());
    let (shell, arguments) = words.split_first().expect("a program");
    let started = |argument: &str| {
        let mut command = Command::new(shell);
        run_successfully(command.args(arguments).arg(argument).env("PATH", &path))
    };
    assert!(started("--version").starts_with("oss-server "));
    // Replace the server by a command that prints its limits.
    let tells = words[2].replace("exec oss-server", "ulimit -Sn; ulimit -Hn; :");
    let output =
        run_successfully(Command::new("sh").args(["-c", "ulimit -Sn 64; exec sh -c \"$0\""]).arg(tells));
    let limits: Vec<&str> = output.lines().collect();
    assert!(limits.len() == 2 && limits[0] == limits[1] && limits[0] != "64", "{output}");
}

#[test]
fn the_health_check_fails_only_without_a_live_server() {
    let mut command = Server::command();
    command.arg("--sandbox");
    let mut server = Server::spawn(command);
    let words = json_words(only("HEALTHCHECK").split_once(" CMD ").expect("a command").1);
    let port = server.http().address().rsplit_once(':').expect("an address").1.to_owned();
    let check = || {
        let script = words[2].replace("8081", &port);
        Command::new(&words[0]).args([&words[1], &script]).output().expect("bash runs").status
    };
    assert!(check().success());
    server.kill();
    assert!(!check().success());
}

fn json_words(text: &str) -> Vec<String> {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}
