//! The files of `examples/operations` match the program. Each is read by the tool that it is for, or checked by its schema, and its
//! settings, flags and times are those of the program.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use oss_core::config::{Config, Sources, markdown_table};
use oss_tests::haproxy;
use oss_tests::operations::{assigned, assignments, example, image_environment, only, path, text};
use oss_tests::process::{built, free_port, program};
use oss_tests::python::{run_successfully, tool, yaml};
use serde_json::Value;

const UNIT: &str = "oss-server.service";
const PATRONI: &str = "patroni.yml";
const MANIFESTS: [&str; 7] = [
    "configmap.yaml",
    "deployment.yaml",
    "migration-job.yaml",
    "network-policy.yaml",
    "pod-disruption-budget.yaml",
    "secret.example.yaml",
    "service.yaml",
];

fn manifest(name: &str) -> Value {
    let documents = yaml(&path("kubernetes").join(name));
    let [document]: [Value; 1] = documents.try_into().expect("one manifest in a file");
    document
}

fn compose_service(name: &str) -> Value {
    let [document]: [Value; 1] = yaml(&path("compose.yml")).try_into().expect("one document");
    document["services"][name].clone()
}

/// The texts of a mapping of names to texts.
fn texts(mapping: &Value) -> Vec<(String, String)> {
    let mapping = mapping.as_object().expect("a mapping");
    mapping.iter().map(|(name, value)| (name.clone(), value.as_str().expect("a text").to_owned())).collect()
}

fn load(sources: &Sources) -> Config {
    Config::load(sources).unwrap_or_else(|error| panic!("{sources:?}: {error}"))
}

fn systemd_config() -> Config {
    load(&Sources::of_environment(assignments("oss-server.env")).with_file(path("oss.toml")))
}

fn compose_config() -> Config {
    let mut environment = image_environment();
    environment.extend(texts(&compose_service("server")["environment"]));
    load(&Sources::of_environment(environment))
}

fn kubernetes_config() -> Config {
    let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
    let settings = manifest("configmap.yaml")["data"]["oss.toml"].clone();
    file.write_all(settings.as_str().expect("a file of settings").as_bytes()).expect("it can be written");
    let mut environment = image_environment();
    environment.extend(texts(&manifest("secret.example.yaml")["stringData"]));
    load(&Sources::of_environment(environment).with_file(file.path().to_owned()))
}

/// A time as systemd, Compose and we write it.
fn seconds(text: &str) -> Duration {
    let number = text.strip_suffix('s').and_then(|number| number.parse().ok());
    Duration::from_secs(number.unwrap_or_else(|| panic!("{text} is not a number of seconds")))
}

#[test]
fn the_program_accepts_every_set_of_settings() {
    assert!(systemd_config().redis.is_some());
    assert!(compose_config().redis.is_some());
    assert!(kubernetes_config().redis.is_some());
    let migration = texts(&compose_service("migrate")["environment"]);
    Config::load_for_migration(&Sources::of_environment(migration)).expect("what a migration needs");
}

#[test]
fn every_variable_that_is_named_anywhere_is_a_setting() {
    let known = markdown_table();
    let mut files = vec![path("")];
    let mut named = BTreeSet::new();
    while let Some(path) = files.pop() {
        if path.is_dir() {
            files.extend(
                std::fs::read_dir(path).expect("a folder").map(|entry| entry.expect("an entry").path()),
            );
        } else {
            let text = std::fs::read_to_string(&path).expect("a text");
            let words = text.split(|letter: char| !letter.is_ascii_uppercase() && letter != '_');
            named.extend(words.filter(|word| word.starts_with("OSS_")).map(str::to_owned));
        }
    }
    assert!(named.contains("OSS_SIGAN_TOKEN"), "{named:?}");
    // The file of the settings, and the commit that the build of an image names.
    let beside = ["OSS_CONFIG", "OSS_COMMIT"];
    for name in &named {
        assert!(
            known.contains(&format!("`{name}`")) || beside.contains(&name.as_str()),
            "{name} is not a setting"
        );
    }
}

/// A server that stops needs the drain, one lease for requests in flight, and one more for operations whose callers have left.
#[test]
fn a_supervisor_gives_a_server_time_to_stop() {
    let deployment = &manifest("deployment.yaml")["spec"]["template"]["spec"];
    let grace = deployment["terminationGracePeriodSeconds"].as_u64().expect("it is said");
    let compose = compose_service("server")["stop_grace_period"].clone();
    for (given, config) in [
        (seconds(&assigned(UNIT, "TimeoutStopSec")), systemd_config()),
        (seconds(compose.as_str().expect("a time")), compose_config()),
        (Duration::from_secs(grace), kubernetes_config()),
    ] {
        let needed = config.common.server.drain + 2 * config.common.settings.lease();
        assert!(given > needed, "{given:?} is given, and {needed:?} may be needed");
    }
}

#[test]
fn a_server_may_have_as_many_files_open_as_it_has_connections() {
    let config = systemd_config();
    let settings = &config.common.settings;
    let calls = settings.sigan_calls + 2 * settings.gsim_calls;
    let sockets = config.common.server.connections + calls;
    let files: usize = assigned(UNIT, "LimitNOFILE").parse().expect("a number");
    assert!(files > sockets + usize::try_from(config.database.pool).expect("a small number"));
}

#[test]
fn systemd_accepts_the_unit_and_finds_little_exposed() {
    let analyze = program("systemd-analyze", &[], "systemd");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let unit = folder.path().join(UNIT);
    // The tool looks for the program, which is not installed here.
    let installed = text(UNIT).replace("/usr/local/bin/oss-server", &built("oss-server").to_string_lossy());
    std::fs::write(&unit, installed).expect("it can be written");
    let verified = Command::new(&analyze).args(["verify", "--man=no"]).arg(&unit).output().expect("it runs");
    let errors = String::from_utf8_lossy(&verified.stderr);
    // The tool reports an unknown directive, but does not fail.
    assert!(verified.status.success() && !errors.contains(UNIT), "{errors}");
    run_successfully(
        Command::new(&analyze)
            .args(["security", "--offline=true", "--no-pager", "--threshold=15"])
            .arg(&unit),
    );
}

#[test]
fn kubernetes_accepts_every_manifest() {
    let folder = path("kubernetes");
    let entries = std::fs::read_dir(&folder).expect("a folder");
    let mut found: Vec<_> = entries.map(|entry| entry.expect("an entry").file_name()).collect();
    found.sort();
    assert_eq!(found, MANIFESTS);
    let files = MANIFESTS.map(|name| folder.join(name));
    run_successfully(tool("kubernetes-validate").arg("--strict").args(&files));
    lint(&folder);
}

#[test]
fn compose_accepts_its_file() {
    let file = path("compose.yml");
    run_successfully(tool("check-jsonschema").args(["--builtin-schema", "vendor.compose-spec"]).arg(&file));
    lint(&file);
    let build = &compose_service("server")["build"];
    let context = path("").join(build["context"].as_str().expect("a context"));
    assert!(context.join(build["dockerfile"].as_str().expect("a Dockerfile")).is_file());
}

#[test]
fn prometheus_reads_the_servers_of_compose() {
    let file = path("prometheus.yml");
    lint(&file);
    let [config]: [Value; 1] = yaml(&file).try_into().expect("one document");
    let job = &config["scrape_configs"][0];
    assert_eq!(job["job_name"], "oss", "the alerts ask for it");
    let scraped = &job["dns_sd_configs"][0];
    let service = scraped["names"][0].as_str().expect("a name");
    assert!(compose_service(service)["image"].is_string(), "{service}");
    let admin = compose_config().common.server.admin_listen.expect("the image has one");
    assert_eq!(scraped["port"], admin.port());
}

/// The files and the addresses of the profile `monitoring` are those that Prometheus and Grafana look for.
#[test]
fn compose_provisions_the_monitoring() {
    let [compose]: [Value; 1] = yaml(&path("compose.yml")).try_into().expect("one document");
    let mounted = |service: &str, file: &str| {
        let service = &compose["services"][service];
        assert_eq!(service["profiles"], serde_json::json!(["monitoring"]));
        let volumes = service["volumes"].as_array().expect("a list").iter().filter_map(Value::as_str);
        let mut targets = volumes.filter_map(|volume| volume.strip_prefix(&format!("./{file}:")));
        let target = targets.next().and_then(|target| target.strip_suffix(":ro"));
        target.unwrap_or_else(|| panic!("{file} is not mounted")).to_owned()
    };
    for file in ["prometheus.yml", "alerts.yml"] {
        assert_eq!(mounted("prometheus", file), format!("/etc/prometheus/{file}"));
    }
    let dashboard = mounted("grafana", "grafana-dashboard.json");
    let folder = Path::new(&dashboard).parent().expect("it is in a folder");

    let provisioned = |kind: &str| {
        let configs = compose["services"]["grafana"]["configs"].as_array().expect("a list");
        let of_kind = |config: &&Value| {
            config["target"]
                .as_str()
                .is_some_and(|target| target.starts_with(&format!("/etc/grafana/provisioning/{kind}/")))
        };
        let config = configs.iter().find(of_kind).expect("it is provisioned");
        let source = config["source"].as_str().expect("a name");
        let content = compose["configs"][source]["content"].as_str().expect("a file").to_owned();
        let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
        file.write_all(content.as_bytes()).expect("it can be written");
        yaml(file.path()).remove(0)
    };
    let source = &provisioned("datasources")["datasources"][0];
    assert_eq!(
        (source["type"].as_str(), source["url"].as_str()),
        (Some("prometheus"), Some("http://prometheus:9090"))
    );
    assert_eq!(provisioned("dashboards")["providers"][0]["options"]["path"].as_str(), folder.to_str());
}

fn lint(path: &Path) {
    const RULES: &str = "{extends: default, rules: {document-start: disable, line-length: {max: 130}, braces: {max-spaces-inside: 0}}}";
    run_successfully(tool("yamllint").args(["--strict", "-d", RULES]).arg(path));
}

#[test]
fn haproxy_accepts_its_files() {
    for name in ["haproxy.cfg", "haproxy-postgresql.cfg"] {
        run_successfully(Command::new(haproxy::executable()).args(["-c", "-f"]).arg(path(name)));
    }
}

#[test]
fn patroni_accepts_its_file() {
    lint(&path(PATRONI));
    // Patroni checks that it can listen there.
    let free = || format!(" listen: 127.0.0.1:{}", free_port());
    let changes = [(" listen: 10.0.0.21:8008", &*free()), (" listen: 10.0.0.21:5432", &*free())];
    let text = example(PATRONI, &changes);
    let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
    file.write_all(text.as_bytes()).expect("it can be written");
    let patroni = program("patroni", &[], "patroni");
    let checked = Command::new(patroni).arg("--validate-config").arg(file.path()).output();
    let checked = checked.expect("it runs");
    let complaints = [checked.stdout, checked.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    let complaints = complaints.concat();
    // It reports parts that may be left out, too.
    let faults: Vec<_> = complaints.lines().filter(|line| !line.ends_with("is not defined.")).collect();
    assert!(complaints.contains("bootstrap.pg_hba"), "it reads the file: {complaints}");
    assert!(faults.is_empty(), "{faults:?}");
}

/// If it takes longer, calls to Sigan that end meanwhile cannot be recorded in time.
#[test]
fn a_failover_fits_within_a_lease() {
    let [file]: [Value; 1] = yaml(&path(PATRONI)).try_into().expect("one document");
    let dcs = &file["bootstrap"]["dcs"];
    let time = |name: &str| Duration::from_secs(dcs[name].as_u64().unwrap_or_else(|| panic!("no {name}")));
    let lease = systemd_config().common.settings.lease();
    assert!(time("ttl") + time("loop_wait") < lease, "a primary that freezes");
    assert!(time("ttl") >= time("loop_wait") + 2 * time("retry_timeout"), "otherwise Patroni changes them");
    let parameters = &dcs["postgresql"]["parameters"];
    let standby = seconds(parameters["wal_sender_timeout"].as_str().expect("a time"));
    assert!(standby + 2 * time("loop_wait") < lease, "a standby that freezes");
}

#[test]
fn the_manifests_name_one_another() {
    let deployment = manifest("deployment.yaml");
    let pod = &deployment["spec"]["template"];
    let labels = &pod["metadata"]["labels"];
    for selector in [
        &deployment["spec"]["selector"]["matchLabels"],
        &manifest("service.yaml")["spec"]["selector"],
        &manifest("pod-disruption-budget.yaml")["spec"]["selector"]["matchLabels"],
        &manifest("network-policy.yaml")["spec"]["podSelector"]["matchLabels"],
        &pod["spec"]["topologySpreadConstraints"][0]["labelSelector"]["matchLabels"],
    ] {
        assert_eq!(selector, labels);
    }
    let server = &pod["spec"]["containers"][0];
    assert_eq!(
        server["envFrom"][0]["secretRef"]["name"],
        manifest("secret.example.yaml")["metadata"]["name"]
    );
    assert_eq!(
        pod["spec"]["volumes"][0]["configMap"]["name"],
        manifest("configmap.yaml")["metadata"]["name"]
    );
    let mounted = server["volumeMounts"][0]["mountPath"].as_str().expect("a folder");
    assert_eq!(server["env"][0]["value"], format!("{mounted}/oss.toml"));

    let listens = |name: &str| {
        let set = image_environment().into_iter().find(|(set, _)| set == name).expect("the image sets it").1;
        set.rsplit_once(':').expect("an address").1.to_owned()
    };
    let ports = [("http", listens("OSS_LISTEN")), ("admin", listens("OSS_ADMIN_LISTEN"))];
    for (number, (name, port)) in ports.iter().enumerate() {
        assert_eq!(server["ports"][number]["name"], *name);
        assert_eq!(server["ports"][number]["containerPort"].to_string(), *port);
    }
    assert_eq!(only("EXPOSE"), ports.map(|(_, port)| port).join(" "));
}

#[test]
fn every_pod_runs_without_privileges_and_without_injected_settings() {
    let image = format!("/vivo-mvne-oss:{}", env!("CARGO_PKG_VERSION"));
    for name in ["deployment.yaml", "migration-job.yaml"] {
        let manifest = manifest(name);
        let pod = &manifest["spec"]["template"]["spec"];
        // Otherwise a Service whose name begins with `oss-` would become variables that the program refuses.
        assert_eq!(pod["enableServiceLinks"], false, "{name}");
        let user = pod["securityContext"]["runAsUser"].to_string();
        assert_eq!(format!("{user}:{user}"), only("USER"), "{name}");
        let container = &pod["containers"][0];
        assert!(container["image"].as_str().is_some_and(|named| named.ends_with(&image)), "{name}");
        assert_eq!(container["securityContext"]["readOnlyRootFilesystem"], true, "{name}");
    }
}

#[test]
fn every_flag_that_is_passed_is_one_that_the_program_has() {
    let words = |list: &Value| -> Vec<String> {
        let list = list.as_array().expect("a list");
        list.iter().map(|word| word.as_str().expect("a word").to_owned()).collect()
    };
    let server = [vec!["oss-server".to_owned()], words(&compose_service("server")["command"])].concat();
    let start = assigned(UNIT, "ExecStart");
    let start = start.strip_prefix("/usr/local/bin/").expect("an installed program").split(' ');
    let migration = &manifest("migration-job.yaml")["spec"]["template"]["spec"]["containers"][0]["command"];
    for line in [
        server,
        words(&compose_service("migrate")["entrypoint"]),
        words(&compose_service("sigan")["entrypoint"]),
        words(migration),
        start.map(str::to_owned).collect(),
    ] {
        let mut help = Command::new(built(&line[0]));
        let (flags, others): (Vec<_>, Vec<_>) = line[1..].iter().partition(|word| word.starts_with("--"));
        let help = run_successfully(help.args(others.first().filter(|_| line[0] == "oss")).arg("--help"));
        for flag in flags {
            assert!(help.contains(flag.as_str()), "{line:?}: no {flag} in\n{help}");
        }
    }
}
