//! Where an agent's program is.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use nix::unistd::{AccessFlags, access};

use crate::AgentConfig;

/// The program of an agent as an absolute path. The error says what is missing, in which setting, and what to do.
pub(crate) fn find(config: &AgentConfig, path: Option<&str>) -> Result<PathBuf, String> {
    let agent = config.kind.agent();
    let key = format!("agents.{}.command", config.name);
    let Some(command) = config.command.as_deref().or(agent.program()) else {
        return Err(format!("`{key}` is not set: it must name the program of this agent"));
    };
    locate(command, path).ok_or_else(|| match command.contains('/') {
        true => format!("{command} is no program that can be run (`{key}`). {}", agent.install()),
        false => format!("there is no program `{command}` on PATH (`{key}`). {}", agent.install()),
    })
}

/// A program by its path, or by its name on `path`.
pub(crate) fn locate(command: &str, path: Option<&str>) -> Option<PathBuf> {
    if command.contains('/') {
        return std::path::absolute(command).ok().filter(|file| runs(file));
    }
    let folders = env::split_paths(path.unwrap_or_default()).filter(|folder| folder.is_absolute());
    folders.map(|folder| folder.join(command)).find(|file| runs(file))
}

fn runs(file: &Path) -> bool {
    fs::metadata(file).is_ok_and(|metadata| metadata.is_file()) && access(file, AccessFlags::X_OK).is_ok()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn names_are_looked_up_and_paths_are_not() {
        let dir = tempfile::tempdir().unwrap();
        let program = dir.path().join("agent");
        fs::write(&program, "#!/bin/sh\n").unwrap();
        let path = format!("bin:/nowhere:{}", dir.path().display());
        assert_eq!(locate("agent", Some(&path)), None, "it may not be run");
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        assert_eq!(locate("agent", Some(&path)), Some(program.clone()));
        assert_eq!(locate("agent", None), None);
        assert_eq!(locate(program.to_str().unwrap(), None), Some(program));
        assert_eq!(locate(dir.path().to_str().unwrap(), None), None, "a directory");
    }
}
