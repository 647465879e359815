//! Where an agent works.

use std::{
    fs,
    os::unix::fs::DirBuilderExt,
    path::{Component, Path, PathBuf},
};

use super::job::Job;

/// Directories in which agents may work.
#[derive(Clone, Debug, Default)]
pub struct Places {
    /// Where directives may choose: these and all that lies in them.
    pub roots: Vec<PathBuf>,
    /// Where directives work that name no place.
    pub usual: Option<PathBuf>,
    /// Where directories are made for directives that name no place, if there is no usual one.
    pub fresh: PathBuf,
}

impl Places {
    /// The directory for a directive, as a canonical path. The error says which field is wrong, and what would be
    /// right.
    pub(super) fn find(&self, job: &Job) -> Result<PathBuf, String> {
        let repository = match &job.repository {
            Some(named) => Some(Self::inside(&self.roots, "repository", named, by_owner_and_name)?),
            None => None,
        };
        if let Some(named) = &job.working_directory {
            // Beside a repository, it is a part of it.
            let roots = repository.map_or_else(|| self.roots.clone(), |repository| vec![repository]);
            return Self::inside(&roots, "metadata.working_directory", named, |_| None);
        }
        match (repository, &self.usual) {
            (Some(repository), _) => Ok(repository),
            (None, Some(usual)) => usual
                .canonicalize()
                .map_err(|error| format!("the worker's --dir {} cannot be used: {error}", usual.display())),
            (None, None) => self.make(&job.id),
        }
    }

    /// A path inside a root, by its canonical components: links that lead out do not count.
    fn inside(
        roots: &[PathBuf],
        field: &str,
        named: &str,
        other: impl Fn(&Path) -> Option<&Path>,
    ) -> Result<PathBuf, String> {
        let shown: Vec<_> = roots.iter().map(|root| root.display().to_string()).collect();
        let shown = if shown.is_empty() {
            "which has no roots: set `sessions.roots` in its baton.toml, or start it with --root DIR".to_owned()
        } else {
            format!("whose roots are {}", shown.join(", "))
        };
        let path = Path::new(named);
        let is_plain =
            path.components().all(|part| matches!(part, Component::Normal(_) | Component::RootDir | Component::CurDir));
        if named.trim().is_empty() || named.contains('\0') || !is_plain {
            return Err(format!(
                "`{field}` is `{named}`, which is no plain path on this worker, {shown}. Name a directory inside a root, \
                 without `..`"
            ));
        }
        for root in roots {
            let Ok(root) = root.canonicalize() else { continue };
            let names = [Some(path), other(path)];
            for candidate in names.into_iter().flatten() {
                // An absolute path replaces the root.
                let Ok(found) = root.join(candidate).canonicalize() else { continue };
                if found.starts_with(&root) && found.is_dir() {
                    return Ok(found);
                }
            }
        }
        Err(format!("`{field}` is `{named}`, which is no directory inside the roots of this worker, {shown}"))
    }

    /// A directory of the directive's own, which stays: the next attempt finds what this one left.
    fn make(&self, id: &str) -> Result<PathBuf, String> {
        let is_name = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if !is_name {
            return Err(format!("the directive's id `{id}` cannot be the name of a directory"));
        }
        let dir = self.fresh.join(id);
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(&dir).and_then(|()| dir.canonicalize());
        made.map_err(|error| format!("cannot make the directory {} on the worker: {error}", dir.display()))
    }
}

/// `owner/name` may also lie under its name alone.
fn by_owner_and_name(path: &Path) -> Option<&Path> {
    let is_pair = path.is_relative() && path.components().count() == 2;
    path.file_name().map(Path::new).filter(|_| is_pair)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use baton_model::Priority;

    use super::*;

    fn job(repository: Option<&str>, working_directory: Option<&str>) -> Job {
        Job {
            id: "0192-ab".to_owned(),
            token: String::new(),
            attempt: 1,
            text: String::new(),
            priority: Priority::Medium,
            timeout: None,
            budget_usd: None,
            acceptance: None,
            repository: repository.map(str::to_owned),
            working_directory: working_directory.map(str::to_owned),
        }
    }

    /// Two roots, a place beside them, and links.
    fn scene() -> (tempfile::TempDir, Places) {
        let scene = tempfile::tempdir().unwrap();
        let at = |path: &str| scene.path().join(path);
        for dir in ["one/acme/app/crates", "two/tool", "one-and-more/secret", "outside"] {
            fs::create_dir_all(at(dir)).unwrap();
        }
        fs::write(at("one/file"), "").unwrap();
        symlink(at("outside"), at("one/way-out")).unwrap();
        symlink(at("one/acme"), at("one/way-in")).unwrap();
        symlink("/", at("two/everything")).unwrap();
        let roots = vec![at("one"), at("missing"), at("two")];
        let places = Places { roots, usual: None, fresh: at("fresh") };
        (scene, places)
    }

    #[test]
    fn what_lies_inside_a_root_is_found_however_it_is_named() {
        let (scene, places) = scene();
        let base = scene.path().canonicalize().unwrap();
        let absolute = base.join("one/acme/app").display().to_string();
        for (repository, directory, expected) in [
            (Some("acme/app"), None, "one/acme/app"),
            (Some("acme/tool"), None, "two/tool"),
            (Some("tool"), None, "two/tool"),
            (Some("./tool/"), None, "two/tool"),
            (Some(absolute.as_str()), None, "one/acme/app"),
            (Some("way-in/app"), None, "one/acme/app"),
            (None, Some("acme/app/crates"), "one/acme/app/crates"),
            (None, Some(absolute.as_str()), "one/acme/app"),
            (Some("acme/app"), Some("crates"), "one/acme/app/crates"),
        ] {
            assert_eq!(
                places.find(&job(repository, directory)),
                Ok(base.join(expected)),
                "{repository:?} {directory:?}"
            );
        }
    }

    #[test]
    fn what_lies_elsewhere_is_refused() {
        let (scene, places) = scene();
        let beside = scene.path().join("one-and-more/secret").display().to_string();
        let back = scene.path().join("one/../outside").display().to_string();
        for named in [
            "",
            "  ",
            "/",
            "/etc",
            "..",
            "../outside",
            "acme/../../outside",
            "way-out",
            "everything/etc",
            "everything",
            "file",
            "missing",
            &beside,
            &back,
            "nul\0",
            "https://example.com/acme/app",
        ] {
            for job in [job(Some(named), None), job(None, Some(named)), job(Some("acme/app"), Some(named))] {
                let refused = places.find(&job).unwrap_err();
                let field = if job.working_directory.is_some() { "metadata.working_directory" } else { "repository" };
                assert!(refused.contains(&format!("`{field}`")) && refused.contains("roots"), "{named}: {refused}");
            }
        }
        let rootless = Places { roots: Vec::new(), ..places };
        assert!(rootless.find(&job(Some("acme/app"), None)).unwrap_err().contains("--root"));
    }

    #[test]
    fn without_a_wish_it_is_the_usual_place_or_a_fresh_one() {
        let (scene, mut places) = scene();
        let fresh = places.find(&job(None, None)).unwrap();
        assert!(fresh.is_dir() && fresh.ends_with("fresh/0192-ab"));
        assert_eq!(places.find(&job(None, None)), Ok(fresh), "it stays");
        for id in ["", "..", "a/b", "/etc"] {
            assert!(places.find(&Job { id: id.to_owned(), ..job(None, None) }).is_err(), "{id}");
        }
        places.usual = Some(scene.path().join("outside"));
        assert_eq!(places.find(&job(None, None)), Ok(scene.path().canonicalize().unwrap().join("outside")));
    }
}
