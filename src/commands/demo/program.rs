//! How whoever reads the demo's lines calls this program: by its name where the shell finds it so, by its path otherwise, as
//! after `cargo run`.
//!
//! What cannot be found out is taken to be installed.

use std::path::{Path, PathBuf};
use std::{env, fs};

const NAME: &str = "gloss";

/// What to type in a shell, in the folder that this process runs in.
pub(super) fn to_type() -> String {
    let Ok(program) = env::current_exe().and_then(fs::canonicalize) else { return NAME.to_owned() };
    let here = env::current_dir().and_then(fs::canonicalize).ok();
    let installed =
        env::var_os("PATH").and_then(|folders| installed(&env::split_paths(&folders).collect::<Vec<_>>()));
    typed(&program, here.as_deref(), installed.as_deref())
}

/// The program of this name that a shell finds first in these folders, without links.
fn installed(folders: &[PathBuf]) -> Option<PathBuf> {
    let found = folders.iter().map(|folder| folder.join(NAME)).find(|path| path.is_file());
    found.and_then(|path| path.canonicalize().ok())
}

fn typed(program: &Path, here: Option<&Path>, installed: Option<&Path>) -> String {
    if installed == Some(program) {
        return NAME.to_owned();
    }
    let below = here.and_then(|here| program.strip_prefix(here).ok());
    let path = below.map_or_else(|| program.to_owned(), |below| Path::new(".").join(below));
    quoted(&path.display().to_string())
}

/// A word of a shell.
fn quoted(word: &str) -> String {
    let is_plain = |letter: char| letter.is_alphanumeric() || "/._-+@".contains(letter);
    if word.chars().all(is_plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', "'\\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_the_shell_does_not_find_is_called_by_its_path() {
        let typed = |program: &str, here: &str, installed: Option<&str>| {
            typed(Path::new(program), Some(Path::new(here)), installed.map(Path::new))
        };
        assert_eq!(typed("/bin/gloss", "/srv", Some("/bin/gloss")), "gloss");
        assert_eq!(typed("/src/target/debug/gloss", "/src", Some("/bin/gloss")), "./target/debug/gloss");
        assert_eq!(typed("/src/gloss", "/src", None), "./gloss");
        assert_eq!(typed("/src/gloss", "/srv", None), "/src/gloss");
        assert_eq!(typed("/it's mine/gloss", "/srv", None), "'/it'\\''s mine/gloss'");
    }
}
