//! The types of the TypeScript examples hold; Node.js only strips them.

use baton_testkit::{packages, process::clean_command};

use super::program::folder;

#[tokio::test]
async fn typescript_types_hold() {
    let compiler = packages::npm("typescript", "5.9.3").await.unwrap();
    let node = packages::npm("@types/node", "22.20.5").await.unwrap();
    let home = tempfile::tempdir().unwrap();
    let mut check = clean_command(compiler.join("node_modules/.bin/tsc"), home.path());
    check.env("PATH", packages::path_with_node().await.unwrap()).arg("--project").arg(folder("typescript"));
    let checked = check.arg("--typeRoots").arg(node.join("node_modules/@types")).output().await.unwrap();
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stdout));
}
