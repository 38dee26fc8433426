//! A file imports only from its own layer and from those below it.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

use std::fs;
use std::path::{Path, PathBuf};

/// Every layer with its modules, from the top to the ground.
const LAYERS: &[(&str, &[&str])] = &[
    ("main", &["main"]),
    (
        "cli",
        &[
            "arguments",
            "checking",
            "cli",
            "decode",
            "extract",
            "packets",
            "progress",
            "screen",
            "sniff",
        ],
    ),
    ("report", &["report", "filter", "check"]),
    ("analyzer", &["analyzer"]),
    ("event", &["event"]),
    ("subprotocol", &["subprotocol"]),
    ("ws", &["ws"]),
    ("http", &["http"]),
    ("tls", &["tls"]),
    ("flow", &["flow"]),
    ("wire", &["wire"]),
    ("capture", &["capture"]),
    ("base", &["time", "anomaly", "limits", "near", "started"]),
];

/// What lib.rs hands on under a name of its own.
const REEXPORTS: &[(&str, &str)] = &[
    ("Analyzer", "analyzer"),
    ("Config", "analyzer"),
    ("Summary", "analyzer"),
    ("Limits", "limits"),
];

/// Place of a module's layer, 0 at the top.
fn layer_of(module: &str) -> Option<usize> {
    let reexport = REEXPORTS.iter().find(|(name, _)| *name == module);
    let module = reexport.map_or(module, |(_, module)| *module);
    LAYERS
        .iter()
        .position(|(_, modules)| modules.contains(&module))
}

/// Top-level modules that a source text names by `crate::` or, in the program, by the
/// library's name, each with its line.
fn imports(source: &str, of_program: bool) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let code = without_comments_and_strings(source);
    let roots: &[&str] = if of_program {
        &["crate::", "wsdump::"]
    } else {
        &["crate::"]
    };
    for root in roots {
        for (at, _) in code.match_indices(root) {
            let continues = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
            if code[..at].ends_with(continues) {
                continue;
            }
            let line = 1 + code[..at].matches('\n').count();
            let rest = &code[at + root.len()..];
            let names = match rest.strip_prefix('{') {
                Some(group) => first_names(group),
                None => vec![name(rest)],
            };
            found.extend(names.into_iter().map(|name| (line, name.to_owned())));
        }
    }
    found
}

/// The first name of each path in a group of imports, up to its closing brace.
fn first_names(group: &str) -> Vec<&str> {
    let (mut names, mut depth, mut begins) = (Vec::new(), 0, true);
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => begins = true,
            _ if begins && !c.is_whitespace() => {
                names.push(name(&group[at..]));
                begins = false;
            }
            _ => {}
        }
    }
    names
}

fn name(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_');
    &text[..end.unwrap_or(text.len())]
}

/// The same text with blanks for what is in comments and in strings; lines stay.
fn without_comments_and_strings(source: &str) -> String {
    let mut code = String::new();
    let mut rest = source;
    let blank = |text: &str| -> String {
        text.chars()
            .map(|c| if c == '\n' { '\n' } else { ' ' })
            .collect()
    };
    while let Some(c) = rest.chars().next() {
        let len = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if c == '"' {
            string_len(rest)
        } else if let Some(raw) = rest.strip_prefix("r#\"") {
            raw.find("\"#").map_or(rest.len(), |end| end + 5)
        } else if rest.starts_with("'\"'") || rest.starts_with("b'\"'") {
            rest.find('"').unwrap_or_default() + 2
        } else {
            code.push(c);
            rest = &rest[c.len_utf8()..];
            continue;
        };
        code.push_str(&blank(&rest[..len]));
        rest = &rest[len..];
    }
    code
}

/// Length of the string literal at the front, its quotes included.
fn string_len(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// The layer of a file by its path within `src`; `None` for lib.rs, which names all.
fn layer_of_file(path: &Path) -> Option<usize> {
    let first = path.iter().next().unwrap().to_str().unwrap();
    let module = first.strip_suffix(".rs").unwrap_or(first);
    if module == "lib" {
        return None;
    }
    let layer = layer_of(module);
    assert!(
        layer.is_some(),
        "src/{}: no layer is known for it; give it one in tests/layering.rs",
        path.display()
    );
    layer
}

/// What a file imports from above its layer.
fn violations(path: &Path, source: &str) -> Vec<String> {
    let Some(own) = layer_of_file(path) else {
        return Vec::new();
    };
    let of_program = layer_of("main") == Some(own);
    let mut violations = Vec::new();
    for (line, module) in imports(source, of_program) {
        let file = path.display();
        match layer_of(&module) {
            Some(other) if other < own => violations.push(format!(
                "src/{file}:{line}: {} may not import from {}, which is above it (crate::{module})",
                LAYERS[own].0, LAYERS[other].0,
            )),
            Some(_) => {}
            None => violations.push(format!(
                "src/{file}:{line}: no layer is known for crate::{module}; \
                 give it one in tests/layering.rs"
            )),
        }
    }
    violations
}

fn rust_files(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rust_files(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

#[test]
fn every_file_imports_only_from_its_own_layer_and_from_those_below() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    rust_files(&source, &mut files);
    files.sort();
    assert!(files.len() > 30, "the sources are there: {files:?}");
    let violations: Vec<_> = files
        .iter()
        .flat_map(|file| {
            let path = file.strip_prefix(&source).unwrap();
            violations(path, &fs::read_to_string(file).unwrap())
        })
        .collect();
    assert!(violations.is_empty(), "\n{}", violations.join("\n"));
}

#[test]
fn an_import_from_above_is_found_however_it_is_written() {
    for source in [
        "use crate::ws::Frame;",
        "use crate::{time, ws::{Frame, Message}};",
        "use crate::{\n    flow::Side,\n    ws,\n};",
        "pub(crate) use crate::ws::*;",
        "fn f(frame: &crate::ws::Frame) {}",
        "let x = \"\\\"//\"; crate::ws::unmask();",
        "let quote = '\"'; crate::ws::unmask();",
    ] {
        let found = violations(Path::new("http/head.rs"), source);
        assert_eq!(found.len(), 1, "{source}");
        let place = "src/http/head.rs:1: http may not import";
        assert!(found[0].starts_with(place), "{found:?}");
        assert!(found[0].contains("from ws"), "{found:?}");
    }
}

#[test]
fn what_is_no_import_from_above_is_let_be() {
    for source in [
        "//! See [`Frame`](crate::ws::Frame).",
        "/// crate::ws::Frame\nfn f() {}",
        "/* crate::ws */ use crate::flow::Side;",
        "let text = \"crate::ws::Frame\";",
        "let text = r#\"a \"crate::ws\" b\"#;",
        "use crate::http::Headers;",
        "use crate::{Limits, time::Moment};",
        "use super::ws;",
        "use other_crate::ws;",
    ] {
        let found = violations(Path::new("http/head.rs"), source);
        assert!(found.is_empty(), "{source}: {found:?}");
    }
}
