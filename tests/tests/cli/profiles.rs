//! The profiles of the command line: servers that a person works through, in a file of their own.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use oss_core::access::Scope;
use oss_tests::certificates::Authority;
use oss_tests::cli::run_beside;
use oss_tests::clients::ClientsFile;
use oss_tests::server::Server;
use tempfile::TempDir;

use super::world::World;

/// A home folder with a file of profiles.
struct Home(TempDir);

impl Home {
    fn with(profiles: &str) -> Self {
        let home = Self(tempfile::tempdir().expect("a folder"));
        fs::create_dir_all(home.folder()).expect("a folder");
        home.write("profiles.toml", profiles, 0o600);
        home
    }

    fn folder(&self) -> std::path::PathBuf {
        self.0.path().join(".config/oss")
    }

    fn write(&self, file: &str, text: &str, mode: u32) {
        let path = self.folder().join(file);
        fs::write(&path, text).expect("the file is written");
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("it has this mode");
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_names_a_server_and_its_key() {
    let world = World::through_server().await;
    let (url, key) = (world.url(), world.key());
    let home = Home::with(&format!(
        "[prod]\nurl = \"{url}\"\nkey = \"{key}\"\n[file]\nurl = \"{url}\"\nkey_file = \"the.key\"\nbrand = \"zeta\"\n\
         [bare]\nurl = \"{url}\"\n"
    ));
    home.write("the.key", &format!("{key}\n"), 0o600);
    let settings = [("HOME", home.path().to_str().expect("a path of ASCII"))];
    let reserved = world.run_with(&settings, "--profile prod reserve --ddd 11").await;
    assert_eq!(reserved.code, 0, "{reserved:?}");
    assert!(reserved.stdout.contains("oss --profile prod show 11999950001"), "{reserved:?}");
    assert_eq!(
        world.run_with(&settings, "--profile file show 11999950001").await.code,
        3,
        "the brand is zeta"
    );
    assert_eq!(world.run_with(&settings, "--profile file --brand acme show 11999950001").await.code, 0);
    let of_environment = [settings[0], ("OSS_PROFILE", "prod")];
    assert_eq!(world.run_with(&of_environment, "show 11999950001").await.code, 0);
    let with_key = [settings[0], ("OSS_KEY", key)];
    assert_eq!(world.run_with(&with_key, "--profile bare show 11999950001").await.code, 0);
    let config = home.path().join(".config");
    let moved = [("HOME", "/nowhere"), ("XDG_CONFIG_HOME", config.to_str().expect("a path of ASCII"))];
    assert_eq!(world.run_with(&moved, "--profile prod show 11999950001").await.code, 0);

    for mode in [0o640, 0o604, 0o620, 0o660] {
        for file in ["profiles.toml", "the.key"] {
            let text = fs::read_to_string(home.folder().join(file)).unwrap();
            home.write(file, &text, mode);
            let refused = world.run_with(&settings, "--profile file brands").await;
            assert!(
                refused.code == 2 && refused.stderr.contains("chmod 600"),
                "{file} {mode:o}: {refused:?}"
            );
            assert!(!refused.stderr.contains(key), "{refused:?}");
            home.write(file, &text, 0o600);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_has_the_certificates_of_tls() {
    let dir = tempfile::tempdir().expect("a folder");
    let (own, callers) = (Authority::new(), Authority::new());
    own.certify("127.0.0.1").write(dir.path());
    let file = |name: &str| dir.path().join(name).display().to_string();
    fs::write(file("callers.pem"), callers.pem()).expect("it is written");
    let mut clients = ClientsFile::new();
    let key = clients.admit("laptop", "acme", &Scope::ALL);
    let tls = [
        ("OSS_TLS_CERT", file("cert.pem")),
        ("OSS_TLS_KEY", file("key.pem")),
        ("OSS_TLS_CLIENT_CA", file("callers.pem")),
    ];
    let tls = tls.each_ref().map(|(name, value)| (*name, value.as_str()));
    let server = Server::sandbox(&clients, &tls);
    let url = format!("https://{}", server.address());
    let home = Home::with(&format!(
        "[whole]\nurl = \"{url}\"\nkey = \"{key}\"\nca_file = \"ca.pem\"\nidentity_file = \"me.pem\"\n\
         [trusting]\nurl = \"{url}\"\nkey = \"{key}\"\nca_file = \"ca.pem\"\n\
         [bare]\nurl = \"{url}\"\nkey = \"{key}\"\n\
         [wrong]\nurl = \"{url}\"\nidentity_file = \"ca.pem\"\n"
    ));
    let me = callers.certify("laptop");
    home.write("ca.pem", &own.pem(), 0o600);
    home.write("me.pem", &format!("{}{}", me.cert, me.key), 0o600);
    let settings = [("HOME", home.path().to_str().expect("a path of ASCII"))];
    let ddd = async |profile: &str| run_beside(&settings, &["--profile", profile, "ddd", "11"]).await;
    assert_eq!(ddd("whole").await.code, 0);
    for (mode, may) in [(0o644, true), (0o664, false), (0o602, false)] {
        home.write("ca.pem", &own.pem(), mode);
        let ended = ddd("whole").await;
        assert_eq!(ended.code, if may { 0 } else { 2 }, "{mode:o}: {ended:?}");
        assert!(may || ended.stderr.contains("chmod go-w"), "{ended:?}");
    }
    home.write("ca.pem", &own.pem(), 0o600);
    let bare = ddd("bare").await;
    assert!(bare.code == 6 && bare.stderr.contains("invalid peer certificate"), "{bare:?}");
    assert_ne!(ddd("trusting").await.code, 0, "the server asks for a certificate");
    let wrong = ddd("wrong").await;
    assert!(wrong.code == 2 && wrong.stderr.contains("identity_file"), "{wrong:?}");
    home.write("me.pem", &me.key, 0o644);
    let shared = ddd("whole").await;
    assert!(shared.code == 2 && shared.stderr.contains("chmod 600"), "{shared:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_profile_is_refused_without_its_key() {
    let world = World::through_server().await;
    for (profiles, part) in [
        ("", "no profile of this name"),
        ("[test]\nurl = \"https://a\"\n", "it has: test"),
        ("[prod]\nkey = \"oss_s3cret\"\n", "a url"),
        ("[prod]\nurl = \"oss_s3cret\"\n", "url of profile prod in"),
        ("[prod]\nurl = \"https://a\"\nkey = \"oss_s3cret\"\nkey_file = \"b\"\n", "not both"),
        ("[prod]\nurl = \"https://a\"\nkey_file = \"missing\"\n", "cannot be read"),
        ("[prod]\nurl = \"https://a\"\nkey = \"oss_s3cret x\"\n", "expected a key"),
        ("[prod]\nurl = \"https://a\"\nkey = 7\n", "expected a text"),
        ("[prod]\nurl = \"https://a\"\nbrand = \"oss_s3cret!\"\n", "brand of profile prod"),
        ("[prod]\nurl = \"https://a\"\noss_s3cret = \"b\"\n", "nothing else"),
        ("[prod]\nkey = \"oss_s3cret\n", "near line 2"),
    ] {
        let home = Home::with(profiles);
        let settings = [("HOME", home.path().to_str().expect("a path of ASCII"))];
        let refused = world.run_with(&settings, "--profile prod brands").await;
        assert!(refused.code == 2 && refused.stderr.contains(part), "{profiles}: {refused:?}");
        assert!(!refused.stderr.contains("s3cret"), "{refused:?}");
    }
}
