//! Only what the format for GitHub says as a workflow command is one.

use std::collections::BTreeMap;

use wsdump::check::{FormatName, Look, Verbosity};

use crate::{HOSTILE, all_hostile, hostile, report, report_with};

/// A workflow command, as GitHub's runner reads it.
#[derive(Debug, PartialEq, Eq)]
struct WorkflowCommand {
    name: String,
    properties: BTreeMap<String, String>,
    message: String,
}

impl WorkflowCommand {
    /// What the runner makes of a line; it looks away from white space before `::`.
    fn of(line: &str) -> Option<Self> {
        let (command, message) = line.trim_start().strip_prefix("::")?.split_once("::")?;
        let (name, properties) = command.split_once(' ').unwrap_or((command, ""));
        let decoded = |text: &str, pairs: &[(&str, &str)]| {
            let mut text = text.to_owned();
            for (from, to) in pairs {
                text = text.replace(from, to);
            }
            text
        };
        let line_ends = [("%0D", "\r"), ("%0A", "\n")];
        let separators = [("%3A", ":"), ("%2C", ",")];
        let percent = [("%25", "%")];
        let in_property = [&line_ends[..], &separators, &percent].concat();
        let in_message = [&line_ends[..], &percent].concat();
        let properties = properties.split(',').filter_map(|pair| {
            let (name, value) = pair.split_once('=')?;
            Some((name.to_owned(), decoded(value, &in_property)))
        });
        Some(Self {
            name: name.to_owned(),
            properties: properties.collect(),
            message: decoded(message, &in_message),
        })
    }
}

#[test]
fn the_only_workflow_commands_are_those_of_the_format() {
    for text in HOSTILE {
        for width in [None, Some(9), Some(30)] {
            let look = Look {
                width,
                verbosity: Verbosity::Verbose,
                color: false,
            };
            let report = report_with(FormatName::Github, look, &[hostile(text)]);
            let commands: Vec<_> = report.lines().filter_map(WorkflowCommand::of).collect();
            let names: Vec<_> = commands.iter().map(|command| &*command.name).collect();
            let mut expected = vec!["error"; 6];
            expected.extend(["warning", "notice"]);
            assert_eq!(names, expected, "{text:?} {width:?}");
            for command in &commands {
                let properties: Vec<_> = command.properties.keys().map(|name| &**name).collect();
                let has_place = properties.contains(&"line");
                let all: &[_] = if has_place {
                    &["file", "line", "title"]
                } else {
                    &["file", "title"]
                };
                assert_eq!(properties, all, "{text:?}");
                let file = &command.properties["file"];
                assert_eq!(*file, commands[0].properties["file"]);
                assert!(!command.message.contains('\r'));
            }
            // Runners obey these wherever they stand.
            assert!(!report.contains("##["), "{report}");
            assert!(!report.contains("##vso["), "{report}");
        }
    }
}

#[test]
fn names_come_through_a_workflow_command() {
    for (name, file) in [
        ("captures/chat.pcap", "captures/chat.pcap"),
        ("./100%0A,a:b=c.pcap", "100%0A,a:b=c.pcap"),
        ("漢字 é.pcap", "漢字 é.pcap"),
        ("two\nlines", "two\\nlines"),
    ] {
        let report = report(FormatName::Github, &[hostile(name)]);
        let command = report.lines().find_map(WorkflowCommand::of).unwrap();
        assert_eq!(command.properties["file"], file);
    }
}

#[test]
fn text_is_no_workflow_command_either() {
    for width in [None, Some(9), Some(30), Some(80)] {
        let look = Look {
            width,
            ..Look::default()
        };
        let report = report_with(FormatName::Text, look, &all_hostile());
        assert_eq!(report.lines().find_map(WorkflowCommand::of), None);
        assert!(!report.contains("##["), "{report}");
    }
}
