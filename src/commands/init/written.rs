//! The file that is written, and what is told of it. Pure.

use std::fmt::Write;
use std::path::PathBuf;

use super::super::health;
use super::super::layout::{counted, duration};
use super::super::readers::Readers;
use super::choice::{Choice, Logs, Route};
use super::folders::LogFolder;
use crate::route::DEFAULT_STATUS_ROUTE;

/// The configuration file: what differs from the defaults, and why.
pub(super) fn file(choice: &Choice) -> String {
    let mut text = String::from(
        "# Written by `gloss init`: what differs from the defaults. Every other key: `gloss check --config THIS_FILE`, and\n\
         # config/REFERENCE.md of gloss. A changed file comes into force within seconds, or at once on SIGHUP.\n\n",
    );
    let listen = choice.listen.as_deref().unwrap_or("127.0.0.1:8880");
    let mark = if choice.listen.is_some() { "" } else { "# " };
    // Writing to a String cannot fail.
    let _ = write!(
        text,
        "# Where clients connect. They go on using the service's own address until somebody sends them here.\n\
         {mark}listen = {}\n\n\
         [upstream]\n# {}.\nurl = {}\n",
        quoted(listen),
        of_service(choice),
        quoted(&choice.service.url)
    );
    match &choice.route {
        Route::Usual => {}
        Route::Other(route) => {
            let _ = write!(
                text,
                "\n[route]\n# A run's status, with {{run_id}} in it.\nstatus = [{}]\n",
                quoted(route)
            );
        }
        Route::Unconfirmed => text.push_str(
            "\n[route]\n# The service describes no such route: if a run's status is elsewhere, say so here.\n\
             # status = [\"/run/{run_id}/status\"]\n",
        ),
    }
    let _ = write!(text, "\n[logs]\n{}", of_logs(&choice.logs));
    if let Some(admin) = &choice.admin {
        let _ = write!(
            text,
            "\n[admin]\n# Where operators connect: the usual port, 8881, is taken.\nlisten = {}\n",
            quoted(admin)
        );
    }
    text.push_str(
        "\n[rollout]\n# Nobody gets anything new unasked: one asks by the header \"Gloss: enhanced\". Later a share of the runs, in\n\
         # percent, unasked; `gloss rollout --percent 10` does it without a change of this file.\n# percent = 0.0\n",
    );
    text
}

fn of_service(choice: &Choice) -> String {
    let title = choice.service.title.as_ref().map(|title| format!("calls itself \"{title}\""));
    let title = title.unwrap_or_else(|| "does not describe itself".to_owned());
    match &choice.process {
        Some(process) => format!("Found here: {process}; it {title}"),
        None => format!("The service; it {title}"),
    }
}

fn of_logs(logs: &Logs) -> String {
    match logs {
        Logs::Told(place, _) => format!("sources = [{}]\n", quoted(place)),
        Logs::Found(folder, others) => {
            let also = others.iter().map(|path| format!("# Logs of runs are in {}, too.\n", path.display()));
            format!(
                "# {}, the newest written to {} before this file.\n{}sources = [{}]\n",
                counted(folder.logs as u64, "log"),
                duration(folder.newest.as_secs()),
                also.collect::<String>(),
                quoted(&folder.path.display().to_string())
            )
        }
        Logs::NotFound => "# No folder with logs of runs was found. Without one, notes are made from the last 1000 entries in the\n\
                           # service's own answers; name the folder as soon as you know it.\n# sources = [\"/srv/api/logs\"]\n"
            .to_owned(),
    }
}

/// What was found, a line each; `again` is how root calls this again.
pub(super) fn found(choice: &Choice, again: &str) -> String {
    let mut lines = vec![("service", choice.service.url.clone())];
    lines.extend(choice.process.iter().map(|process| ("process", process.clone())));
    if choice.process.is_none() && choice.service.port.is_some() {
        let hidden = format!("not known: another user's, whose folders and open files root sees ({again})");
        lines.push(("process", hidden));
    }
    lines.push(match &choice.route {
        Route::Usual => ("route", "the usual one of a run's status".to_owned()),
        Route::Other(route) => ("route", route.clone()),
        Route::Unconfirmed => {
            ("route", "NOT FOUND: the service describes no status of a run; say it by --route".to_owned())
        }
    });
    match &choice.logs {
        Logs::Told(place, None) => lines.push(("logs", place.clone())),
        Logs::Told(place, Some(trouble)) => lines.push(("logs", format!("{place}: NOT READABLE: {trouble}"))),
        Logs::Found(folder, others) => {
            let newest = duration(folder.newest.as_secs());
            let count = counted(folder.logs as u64, "log");
            lines.push(("logs", format!("{}: {count}, the newest {newest} ago", folder.path.display())));
            if !folder.readable {
                lines.push(("", "NOT READABLE for this user".to_owned()));
            }
            lines.extend(folder.readers.iter().map(|readers| ("", as_such(readers))));
            lines.extend(others.iter().map(|path: &PathBuf| ("", format!("{}, too", path.display()))));
        }
        Logs::NotFound => lines.push((
            "logs",
            "NOT FOUND: notes come from the service's own answers until logs.sources names a folder (--logs DIR)".to_owned(),
        )),
    }
    let admin = choice.admin.iter();
    let told =
        |admin| format!("http://{admin}, since the usual port is taken: gloss rollout --url http://{admin}");
    lines.extend(admin.map(|admin| ("admin", told(admin))));
    let line = |(name, what): &(&str, String)| format!("{name:<8} {what}\n");
    lines.iter().map(line).collect()
}

fn as_such(readers: &Readers) -> String {
    match &readers.group {
        Some(group) => format!("{readers}: run gloss as one of them (systemd: SupplementaryGroups={group})"),
        None => format!("{readers}: run gloss as that user"),
    }
}

/// What to do next.
pub(super) fn next(choice: &Choice, file: &str) -> String {
    let listen = choice.listen.as_deref().unwrap_or("127.0.0.1:8880");
    let gloss = health::admin_url(listen).unwrap_or_default();
    let status = match &choice.route {
        Route::Other(route) => route,
        Route::Usual | Route::Unconfirmed => DEFAULT_STATUS_ROUTE,
    }
    .replace("{run_id}", "RUN_ID");
    let as_reader = match &choice.logs {
        // Nobody should run it as root.
        Logs::Found(LogFolder { readers: Some(readers), .. }, _) if readers.user != "root" => {
            format!("sudo -u {} ", for_sudo(&readers.user))
        }
        Logs::Found(..) | Logs::Told(..) | Logs::NotFound => String::new(),
    };
    format!(
        "\nwritten: {file}\n\nNext:\n  \
         {as_reader}gloss serve --config {file}\n  \
         {as_reader}gloss doctor RUN_ID --config {file} --header 'x-api-key: KEY'\n  \
         curl -H 'x-api-key: KEY' -H 'Gloss: enhanced' {gloss}{status}\n"
    )
}

/// A user as sudo takes it: one without a name here by its number.
fn for_sudo(user: &str) -> String {
    if user.bytes().all(|digit| digit.is_ascii_digit()) { format!("'#{user}'") } else { user.to_owned() }
}

/// A TOML string: JSON's escapes are among TOML's.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::choice::Told;
    use super::super::services::Service;
    use super::*;

    fn service(paths: &[&str]) -> Service {
        Service {
            url: "http://127.0.0.1:8000".into(),
            port: Some(8000),
            title: Some("A \"p\" i".into()),
            paths: Some(paths.iter().map(|path| (*path).to_owned()).collect()),
        }
    }

    fn folder(path: &str) -> LogFolder {
        LogFolder {
            path: path.into(),
            logs: 1,
            newest: Duration::from_secs(67),
            readable: false,
            readers: None,
        }
    }

    fn keys(text: &str) -> toml::Table {
        toml::from_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
    }

    #[test]
    fn the_file_says_what_differs_from_the_defaults_and_nothing_else() {
        let usual = service(&["/api/v1/workflows/claude-code/run/{run_id}/status"]);
        let found = vec![folder("/srv/a \"b\"/logs"), folder("/srv/old")];
        let text = file(&Choice::of(Told::default(), usual, None, found));
        let expected =
            "[upstream]\nurl = 'http://127.0.0.1:8000'\n[logs]\nsources = ['/srv/a \"b\"/logs']\n[rollout]\n";
        assert_eq!(keys(&text), keys(expected));
        assert!(
            text.contains("# 1 log, the newest written to 1m 07s before")
                && text.contains("in /srv/old, too")
        );
        let other = service(&["/v2/runs/{id}/status"]);
        let told = Told { listen: Some("0.0.0.0:80".into()), logs: Some("s3://b".into()), ..Told::default() };
        let text = file(&Choice::of(told, other, None, Vec::new()));
        let expected = "listen = '0.0.0.0:80'\n[upstream]\nurl = 'http://127.0.0.1:8000'\n[logs]\nsources = ['s3://b']\n\
                        [route]\nstatus = ['/v2/runs/{run_id}/status']\n[rollout]\n";
        assert_eq!(keys(&text), keys(expected));
    }

    #[test]
    fn gloss_listens_where_neither_the_service_nor_gloss_itself_does() {
        let addresses = |port: u16, listen: Option<&str>| {
            let service = Service { port: Some(port), ..service(&[]) };
            let told = Told { listen: listen.map(str::to_owned), ..Told::default() };
            let keys = keys(&file(&Choice::of(told, service, None, Vec::new())));
            let listen = |table: &toml::Table| Some(table.get("listen")?.as_str()?.to_owned());
            let admin = keys.get("admin").and_then(|admin| listen(admin.as_table()?));
            (listen(&keys), admin)
        };
        let at = |port: u16| Some(format!("127.0.0.1:{port}"));
        assert_eq!(addresses(8000, None), (None, None));
        let beside = Service { port: Some(8881), ..service(&[]) };
        let told = found(&Choice::of(Told::default(), beside, None, Vec::new()), "");
        assert!(
            told.contains(
                "admin    http://127.0.0.1:8882, since the usual port is taken: gloss rollout --url http"
            ),
            "{told}"
        );
        assert_eq!(addresses(8881, None), (None, at(8882)));
        assert_eq!(addresses(8880, None), (at(8882), None));
        assert_eq!(addresses(8881, Some("127.0.0.1:8882")), (at(8882), at(8883)));
        assert_eq!(addresses(8000, Some("127.0.0.1:8881")), (at(8881), at(8882)));
        assert_eq!(addresses(8882, Some("unix:/run/gloss.sock")).1, None);
    }

    #[test]
    fn what_was_not_found_is_said_in_the_file_and_beside_it() {
        let choice = Choice::of(Told::default(), Service::default(), None, Vec::new());
        assert!(
            file(&choice).contains("No folder with logs")
                && file(&choice).contains("describes no such route")
        );
        assert_eq!(found(&choice, "").matches("NOT FOUND").count(), 2);
        let hidden = Choice::of(Told::default(), service(&[]), None, Vec::new());
        assert!(found(&hidden, "sudo /opt/gloss init").contains("root sees (sudo /opt/gloss init)"));
    }

    #[test]
    fn logs_that_not_everybody_may_read_are_read_as_whoever_may() {
        let readers = Readers { user: "api".into(), group: Some("logs".into()) };
        let logs = LogFolder { readers: Some(readers), ..folder("/srv/logs") };
        let choice = Choice::of(Told::default(), service(&[]), None, vec![logs]);
        let told = found(&choice, "");
        assert!(told.contains("NOT READABLE") && told.contains("user api and group logs"), "{told}");
        let next = next(&choice, "gloss.toml");
        assert_eq!(next.matches("sudo -u api gloss ").count(), 2, "{next}");
        let trouble = Some("Permission denied; only user api may read them".to_owned());
        let told = Told { logs: Some("/srv/logs".into()), trouble, ..Told::default() };
        let told = found(&Choice::of(told, service(&[]), None, Vec::new()), "");
        assert!(told.contains("/srv/logs: NOT READABLE: Permission denied; only user api"), "{told}");
    }
}
