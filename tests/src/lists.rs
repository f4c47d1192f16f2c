//! Lists for imports: the files of the repository, changed as a test needs them.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// The files of a device catalogue.
const DEVICE_FILES: [&str; 4] =
    ["device_brands.csv", "device_models.csv", "device_codes.csv", "device_tacs.csv"];

/// Lists of localities as spreadsheets and people write them.
const LOCALITY_FILES: [&str; 6] = [
    "ddd_excel_empty_rows.csv",
    "ddd_min.csv",
    "ddd_padded.csv",
    "ddd_semicolons.csv",
    "ddd_sep_line.csv",
    "ddd_utf16le_bom.csv",
];

/// Small lists of localities, each with its file's name.
const SMALL: [(&str, &str); 6] = [
    (
        "ddd_crlf_unclosed_quote.csv",
        "location_cnl,ddd,municipality,uf\r\n1,11,A,SP\r\n2,11,\"B,SP\r\n3,11,C,SP\r\n",
    ),
    ("ddd_blank_lines.csv", "location_cnl,ddd\r\n\r\n1,11\r\n\r\n\r\n2,00\r\n"),
    ("ddd_invisible_inside.csv", "location_cnl,ddd\n11\u{200b}00015,69\n1100023,69\n"),
    ("ddd_other_headings.csv", "cnl,ddd\n1,11\n"),
    ("ddd_sep_pipe.csv", "sep=|\nlocation_cnl|ddd\n1|11\n"),
    (
        "ddd_invisible_around.csv",
        "\u{feff}location_cnl\u{200b}, ddd\n\u{a0}1100015\u{200b},\u{202a}69\u{202c}\n1100023,69\t\n",
    ),
];

/// A folder with lists.
#[derive(Debug)]
pub struct Lists(TempDir);

impl Lists {
    /// The catalogue of the repository.
    #[must_use]
    pub fn devices() -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../migrations/data");
        for file in DEVICE_FILES {
            std::fs::copy(data.join(file), dir.path().join(file)).expect("the file is copied");
        }
        Self(dir)
    }

    /// Lists of localities: the files of `tests/cases/lists`, and lists that are made here.
    #[must_use]
    pub fn localities() -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let write = |name: &str, bytes: &[u8]| {
            std::fs::write(dir.path().join(name), bytes).expect("the file is written");
        };
        let read = |path: &str| std::fs::read(root.join(path)).expect("the file is read");
        for file in LOCALITY_FILES {
            write(file, &read(&format!("cases/lists/{file}")));
        }
        for (file, text) in SMALL {
            write(file, text.as_bytes());
        }
        let tabs = "location_cnl\tddd\n1100015\t69\n1100023\t69\n";
        let big_endian: Vec<u8> =
            format!("\u{feff}{tabs}").encode_utf16().flat_map(u16::to_be_bytes).collect();
        write("ddd_utf16be_tabs.csv", &big_endian);
        write("ddd_utf16_cut.csv", &big_endian[..big_endian.len() - 1]);
        let all = String::from_utf8(read("../migrations/data/location_ddd.csv")).expect("UTF-8");
        write(
            "ddd_unclosed_quote_last_column.csv",
            all.replacen("Ariquemes,RO", "Ariquemes,\"RO", 1).as_bytes(),
        );
        let stray = all.replacen("Guajará-Mirim,RO", "Guajará-Mirim,\"RO", 1);
        write(
            "ddd_stray_quotes_in_uf.csv",
            stray.replacen("Vargem Alegre,MG", "Vargem Alegre,MG\"", 1).as_bytes(),
        );
        Self(dir)
    }

    /// The path of the folder.
    #[must_use]
    pub fn path(&self) -> &str {
        self.0.path().to_str().expect("a path of ASCII")
    }

    /// A file in the folder.
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Changes a file's bytes.
    pub fn change(&self, file: &str, change: impl FnOnce(Vec<u8>) -> Vec<u8>) {
        let bytes = std::fs::read(self.file(file)).expect("the file is read");
        std::fs::write(self.file(file), change(bytes)).expect("the file is written");
    }

    /// Adds a line to a file.
    pub fn add(&self, file: &str, line: &str) {
        self.change(file, |bytes| [&bytes, line.as_bytes(), b"\n"].concat());
    }

    /// Keeps only the first lines of a file.
    pub fn keep_lines(&self, file: &str, lines: usize) {
        self.change(file, |bytes| {
            bytes.split_inclusive(|byte| *byte == b'\n').take(lines).collect::<Vec<_>>().concat()
        });
    }

    /// Removes the lines that begin with a text.
    pub fn remove(&self, file: &str, begin: &str) {
        self.change(file, |bytes| {
            let lines = bytes.split_inclusive(|byte| *byte == b'\n');
            lines.filter(|line| !line.starts_with(begin.as_bytes())).collect::<Vec<_>>().concat()
        });
    }
}
