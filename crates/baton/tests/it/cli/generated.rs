//! Completions and manual pages know every command, and none that is hidden.

use super::*;

const SHELLS: [&str; 5] = ["bash", "zsh", "fish", "elvish", "powershell"];

/// The commands that `baton WORDS… --help` lists.
async fn listed(home: &TempDir, words: &[&str]) -> Vec<String> {
    let help = out(&run(home, &[words, &["--help"]].concat()).await);
    let Some((_, commands)) = help.split_once("\nCommands:\n") else { return Vec::new() };
    let lines = commands.lines().take_while(|line| !line.trim().is_empty());
    lines.filter_map(|line| line.strip_prefix("  ")?.split(' ').next()).map(str::to_owned).collect()
}

#[tokio::test]
async fn every_command_has_its_page_and_is_completed() {
    let home = TempDir::new().unwrap();
    let nouns = listed(&home, &[]).await;
    assert!(nouns.len() >= 13 && nouns.iter().any(|noun| noun == "doctor"), "{nouns:?}");
    assert!(!nouns.iter().any(|noun| noun == "generate"));
    let mut scripts = Vec::new();
    for shell in SHELLS {
        scripts.push((shell, out(&run(&home, &["completions", shell]).await)));
    }
    let main_page = out(&run(&home, &["man"]).await);
    let mut pages = 0;
    for noun in &nouns {
        assert!(main_page.contains(&format!("baton\\-{noun}(1)")), "{noun} is not on the main page");
        for (shell, script) in &scripts {
            assert!(script.contains(noun.as_str()), "{shell} does not complete {noun}");
        }
        let mut commands = vec![vec![noun.as_str()]];
        let verbs = listed(&home, &[noun]).await;
        commands.extend(verbs.iter().map(|verb| vec![noun.as_str(), verb.as_str()]));
        for words in commands {
            let page = run(&home, &[&["man"], words.as_slice()].concat()).await;
            assert_eq!((page.status.code(), err(&page)), (Some(0), String::new()), "{words:?}");
            let title = format!(".TH BATON-{} 1", words.join("-").to_uppercase());
            assert!(out(&page).contains(&title), "{words:?} has no page: {}", out(&page));
            pages += 1;
        }
    }
    println!("{} commands, {pages} pages", nouns.len());
    for (shell, script) in &scripts {
        assert!(script.contains("data-dir"), "{shell}: flags");
        assert!(!script.contains("generate") && !script.contains("detach"), "{shell} tells what is hidden");
    }
    let none = run(&home, &["man", "directive", "ad"]).await;
    assert_eq!(none.status.code(), Some(2));
    assert!(err(&none).contains("`ad` is no command of `baton directive`"), "{}", err(&none));
}
