//! The pages in a real browser: live, by keyboard, in the dark, on a telephone.
#![expect(clippy::unwrap_used, reason = "a test that fails here says where")]

use std::{env, fs, path::PathBuf};

use baton_testkit::browser::{Browser, Tab, axe};
use serde_json::{Value, json};

use crate::api::Api;

/// Keeps a picture for whoever wants to look: in `BATON_PICTURES`, if that is set.
async fn picture(tab: &Tab, name: &str) {
    if let Some(directory) = env::var_os("BATON_PICTURES").map(PathBuf::from) {
        fs::create_dir_all(&directory).unwrap();
        tab.picture(&directory.join(format!("{name}.png"))).await.unwrap();
    }
}

/// Marks an element so that it is known again if it is still the same one later.
async fn remember(tab: &Tab, selector: &str) {
    tab.eval(&format!("document.querySelector({}).known = true", json!(selector))).await.unwrap();
}

#[tokio::test]
async fn a_directive_is_added_watched_and_done_again() {
    let mut api = Api::started().await;
    let browser = Browser::start().await.unwrap();
    let tab = browser.open(&api.url("/")).await.unwrap();
    tab.until("document.querySelector('#add').open").await.unwrap();
    tab.until("document.querySelector('#live').dataset.state === 'live'").await.unwrap();

    // A refusal stands at its field; nothing typed is lost.
    tab.press("n").await.unwrap();
    tab.until("document.activeElement.id === 'add-directive'").await.unwrap();
    tab.write("Water the plants").await.unwrap();
    tab.eval("document.querySelector('#add-form details').open = true").await.unwrap();
    tab.click("#add-webhook").await.unwrap();
    tab.write("nowhere").await.unwrap();
    tab.click("#add-rule").await.unwrap();
    tab.write("result.contains(").await.unwrap();
    tab.click("#add-form [type=submit]").await.unwrap();
    tab.until("document.querySelectorAll('#add-form [aria-invalid]').length === 3").await.unwrap();
    let wrong = tab.eval("document.querySelector('#add-webhook').closest('.field').innerText").await.unwrap();
    assert!(wrong.as_str().unwrap().contains("is no http(s) URL"), "{wrong}");
    assert_eq!(api.get("/api/queue").await.body["pending_directives"], 0);
    picture(&tab, "add-refused").await;
    tab.complaints(); // the refusal itself is told on the console

    tab.eval("document.querySelector('#add-webhook').value = ''").await.unwrap();
    tab.click("[data-name=condition]").await.unwrap();
    tab.eval("document.querySelector('[data-name=condition]').value = 'success'").await.unwrap();
    tab.click("[data-name=next_directive]").await.unwrap();
    tab.write("Admire them").await.unwrap();
    tab.click("#add-tags").await.unwrap();
    tab.write("garden, daily").await.unwrap();
    tab.eval("document.querySelector('#add-priority').value = 'high'").await.unwrap();
    tab.click("#add-form [type=submit]").await.unwrap();
    tab.until("document.querySelector('#group-queued [data-row]')?.innerText.includes('Water the plants')")
        .await
        .unwrap();

    // What an agent does shows by itself.
    let taken = api.take().await;
    assert_eq!((&taken["priority"], &taken["metadata"]["tags"]), (&json!("high"), &json!(["garden", "daily"])));
    tab.until("document.querySelector('#group-leased')?.innerText.includes('Water the plants')").await.unwrap();
    let id = taken["directive_id"].as_str().unwrap();
    api.report(id, true, "They drank it all").await;
    tab.until("document.querySelector('#results').innerText.includes('They drank it all')").await.unwrap();
    tab.until("document.querySelector('#group-leased').innerText.includes('Admire them')").await.unwrap();
    assert!(tab.eval("document.querySelector('#chart rect.good') !== null").await.unwrap() == json!(true));

    // A failure needs attention until it is done again.
    let follow_up = api.get("/api/directives?state=leased").await.body["items"][0]["directive_id"].clone();
    api.report(follow_up.as_str().unwrap(), false, "It rained").await;
    tab.until("document.querySelector('#needs-attention').checkVisibility()").await.unwrap();
    tab.click("#needs-attention [data-do=retry]").await.unwrap();
    tab.until("document.querySelector('#said').innerText.includes('Submitted again')").await.unwrap();
    tab.until("!document.querySelector('#needs-attention').checkVisibility()").await.unwrap();
    assert_eq!(api.take().await["directive"], "Admire them");
    assert_eq!(tab.complaints(), Vec::<String>::new());
}

#[tokio::test]
async fn calling_off_asks_first_and_names_its_target() {
    let mut api = Api::new().await;
    let id = api.add("Paint the fence").await;
    let browser = Browser::start().await.unwrap();
    let tab = browser.open(&api.url(&format!("/directives/{id}"))).await.unwrap();
    let standing = async |api: &mut Api| api.get(&format!("/api/directives/{id}")).await.text("state");
    tab.until("document.querySelector('#theme').textContent !== ''").await.unwrap();
    tab.press("c").await.unwrap();
    tab.until("document.querySelector('#confirm').open && document.querySelector('#confirm').innerText.includes('Paint the fence')")
        .await
        .unwrap();
    picture(&tab, "confirm").await;
    tab.press("Escape").await.unwrap();
    tab.until("!document.querySelector('#confirm').open").await.unwrap();
    assert_eq!(standing(&mut api).await, "queued", "whoever goes back changes nothing");

    tab.eval("(s => { s.value = 'urgent'; s.dispatchEvent(new Event('change', {bubbles: true})) })(document.querySelector('#priority'))")
        .await
        .unwrap();
    tab.until("document.querySelector('#head').innerText.includes('urgent directive')").await.unwrap();

    tab.click("[data-do=cancel]").await.unwrap();
    tab.until("document.querySelector('#confirm').open").await.unwrap();
    tab.click("#confirm .danger").await.unwrap();
    tab.until("document.querySelector('#story').innerText.includes('Called off')").await.unwrap();
    assert_eq!(standing(&mut api).await, "cancelled");
    // Doing it again leads to the page of the new one.
    tab.press("r").await.unwrap();
    tab.until(&format!("!location.pathname.includes('{id}') && document.querySelector('#parent') !== null"))
        .await
        .unwrap();
    assert_eq!(tab.complaints(), Vec::<String>::new());
}

#[tokio::test]
async fn what_the_reader_does_survives_what_happens() {
    let mut api = Api::started().await;
    for number in 0..9 {
        api.add(&format!("Chore {number}")).await;
    }
    let browser = Browser::start().await.unwrap();
    let tab = browser.open(&api.url("/")).await.unwrap();
    tab.eval("document.querySelector('#add').open = true").await.unwrap();
    tab.click("#add-directive").await.unwrap();
    tab.write("half a thou").await.unwrap();
    tab.eval("document.querySelector('#connect').open = true; scrollTo(0, 300)").await.unwrap();
    remember(&tab, "#group-queued li:nth-child(5)").await;
    let taken = api.take().await;
    tab.until("document.querySelector('#group-leased').innerText.includes('Chore 0')").await.unwrap();
    tab.write("ght").await.unwrap();
    let kept = "[document.activeElement.value, document.querySelector('#connect').open, scrollY, \
                document.querySelector('#group-queued li:nth-child(4)').known]";
    assert_eq!(tab.eval(kept).await.unwrap(), json!(["half a thought", true, 300, true]));

    // A selection, too.
    tab.eval("getSelection().selectAllChildren(document.querySelector('#group-queued li:nth-child(3) bdi'))")
        .await
        .unwrap();
    let selected = tab.eval("String(getSelection())").await.unwrap();
    api.report(taken["directive_id"].as_str().unwrap(), true, "swept").await;
    tab.until("document.querySelector('#results').innerText.includes('swept')").await.unwrap();
    assert_eq!(tab.eval("String(getSelection())").await.unwrap(), selected);

    // Paused, nothing moves; going on catches up.
    tab.click("#pause").await.unwrap();
    tab.until("document.querySelector('#live').dataset.state === 'paused'").await.unwrap();
    let before = tab.eval("document.querySelector('#main').innerHTML").await.unwrap();
    api.add_with(json!({"directive": "urgent news", "priority": "urgent"})).await;
    // A page that is opened now has it; the paused one has had the same time.
    let other = browser.open(&api.url("/")).await.unwrap();
    other.until("document.body.innerText.includes('urgent news')").await.unwrap();
    other.close().await.unwrap();
    tab.call("Page.bringToFront", json!({})).await.unwrap();
    assert_eq!(tab.eval("document.querySelector('#main').innerHTML").await.unwrap(), before);
    tab.click("#pause").await.unwrap();
    tab.until("document.querySelector('#group-queued').innerText.includes('urgent news')").await.unwrap();

    // A server that is gone makes the page say so; when it is back all is well.
    api.server.kill9().await.unwrap();
    tab.until("document.querySelector('#live').dataset.state === 'stale'").await.unwrap();
    tab.complaints();
    api.server.restart(baton_testkit::server::Port::Same).await.unwrap();
    tab.until("document.querySelector('#live').dataset.state === 'live'").await.unwrap();
}

#[tokio::test]
async fn what_an_agent_writes_down_is_followed_while_it_works() {
    let mut api = Api::started().await;
    let id = api.add("Tell me more").await;
    let token = api.take().await["metadata"]["lease_token"].clone();
    let browser = Browser::start().await.unwrap();
    let tab = browser.open(&api.url(&format!("/directives/{id}"))).await.unwrap();
    tab.click("#transcript summary").await.unwrap();
    let path = format!("/api/directives/{id}/transcript");
    for (offset, text) in [(0, "Once \u{202e}upon\n"), (13, "a time\n")] {
        let said = api.post(&path, json!({"lease_token": token, "offset": offset, "text": text})).await;
        assert_eq!(said.status, 200, "{said:?}");
        // Writing is no event; extending the lease is one, and makes the page look.
        api.post(&format!("/api/directives/{id}/extend"), json!({"lease_token": token})).await;
        let shown = format!(
            "document.querySelector('#transcript-text').textContent.includes({})",
            json!(text.trim_start_matches("Once \u{202e}"))
        );
        tab.until(&shown).await.unwrap();
    }
    let shown = tab.eval("document.querySelector('#transcript-text').textContent").await.unwrap();
    assert_eq!(shown, "Once \u{fffd}upon\na time\n", "once each, and nothing hidden");
}

#[tokio::test]
async fn everything_can_be_done_by_keyboard() {
    let mut api = Api::new().await;
    let older = api.add("First chore").await;
    let newer = api.add("Second chore").await;
    let browser = Browser::start().await.unwrap();
    let tab = browser.open(&api.url("/")).await.unwrap();
    let focused = "document.activeElement.closest('[data-row]')?.innerText.split('\\n')[0]";
    for (key, expected) in [("j", "First chore"), ("j", "Second chore"), ("j", "Second chore"), ("k", "First chore")] {
        tab.press(key).await.unwrap();
        tab.until(&format!("{focused} === '{expected}'")).await.unwrap();
    }
    tab.press("Enter").await.unwrap();
    tab.until(&format!("location.pathname === '/directives/{older}'")).await.unwrap();
    tab.until("document.querySelector('#live').dataset.state !== 'off'").await.unwrap();
    tab.press("g").await.unwrap();
    tab.press("d").await.unwrap();
    tab.until("location.pathname === '/directives' && document.querySelector('#live').dataset.state !== 'off'")
        .await
        .unwrap();
    tab.press("/").await.unwrap();
    tab.until("document.activeElement.id === 'filter-q'").await.unwrap();
    tab.write("second").await.unwrap();
    tab.press("Enter").await.unwrap();
    tab.until("location.search.includes('q=second') && document.querySelectorAll('[data-row]').length === 1")
        .await
        .unwrap();
    tab.until("document.querySelector('#live').dataset.state !== 'off'").await.unwrap();
    tab.press("j").await.unwrap();
    tab.press("c").await.unwrap();
    tab.until("document.querySelector('#confirm').open").await.unwrap();
    tab.press("Tab").await.unwrap();
    tab.press("Enter").await.unwrap();
    tab.until("document.querySelector('[data-row]').innerText.includes('cancelled')").await.unwrap();
    assert_eq!(api.get(&format!("/api/directives/{newer}")).await.body["state"], "cancelled");
    tab.press("?").await.unwrap();
    tab.until("document.querySelector('#help').open").await.unwrap();
    picture(&tab, "help").await;
    tab.press("Escape").await.unwrap();
    tab.press("g").await.unwrap();
    tab.press("h").await.unwrap();
    tab.until("location.pathname === '/'").await.unwrap();
    assert_eq!(tab.complaints(), Vec::<String>::new());

    // What the policy refuses would have been seen.
    let script =
        "document.body.append(Object.assign(document.createElement('script'), {textContent: 'document.title = 1'}))";
    tab.eval(script).await.unwrap();
    tab.until("document.title !== '1'").await.unwrap();
    let refused = tab.complaints().concat();
    assert!(refused.contains("Content Security Policy"), "{refused}");
}

#[tokio::test]
async fn pages_are_fit_for_every_eye_and_every_screen() {
    let mut api = Api::started().await;
    let id = full_house(&mut api).await;
    let browser = Browser::start().await.unwrap();
    let tab = browser.open(&api.url("/")).await.unwrap();
    let detail = format!("/directives/{id}");
    for scheme in ["light", "dark"] {
        tab.prefer("prefers-color-scheme", scheme).await.unwrap();
        for (width, height) in [(1200, 900), (390, 844)] {
            tab.size(width, height).await.unwrap();
            for (path, name) in [
                ("/", "overview"),
                (&*detail, "detail"),
                ("/directives", "list"),
                ("/login", "login"),
                ("/directives/none", "none"),
            ] {
                tab.go(&api.url(path)).await.unwrap();
                // Everything unfolded: what is folded is not looked at.
                tab.eval("document.querySelectorAll('details').forEach(d => d.open = true)").await.unwrap();
                let broad = tab.eval("document.scrollingElement.scrollWidth").await.unwrap();
                assert!(broad.as_u64().unwrap() <= u64::from(width), "{path} is {broad} px broad at {width} px");
                assert_eq!(axe(&tab).await.unwrap(), Vec::<String>::new(), "{path} {scheme} {width}");
                picture(&tab, &format!("{name}-{scheme}-{width}")).await;
            }
        }
    }
    let complaints = tab.complaints().into_iter().filter(|said| !said.contains("/directives/none"));
    assert_eq!(complaints.collect::<Vec<_>>(), Vec::<String>::new());

    // The switch overrules the system and is remembered.
    tab.size(1200, 900).await.unwrap();
    tab.go(&api.url("/")).await.unwrap();
    let paper = "getComputedStyle(document.body).backgroundColor";
    let dark = tab.eval(paper).await.unwrap();
    tab.until("document.querySelector('#theme').textContent === 'Theme: system'").await.unwrap();
    tab.click("#theme").await.unwrap();
    tab.until("document.querySelector('#theme').textContent === 'Theme: light'").await.unwrap();
    let light = tab.eval(paper).await.unwrap();
    assert_ne!(light, dark);
    tab.go(&api.url("/directives")).await.unwrap();
    assert_eq!(tab.eval(paper).await.unwrap(), light);
}

/// One of everything that a page may show; answers the id of the most eventful.
async fn full_house(api: &mut Api) -> String {
    let told = |id: &Value, success: bool, result: &str, error: Value| {
        json!({"directive_id": id, "success": success, "result": result, "error": error, "execution_time": 42.5,
               "metadata": {"cost_usd": 0.031, "num_turns": 6, "usage": {"input_tokens": 12034, "output_tokens": 811}}})
    };
    let id = api
        .add_with(json!({
            "directive": "Summarise yesterday's error log and name the three noisiest services", "priority": "high",
            "tags": ["ops", "nightly"], "retry_on_failure": true, "max_retries": 2, "retry_delay": 0,
            "metadata": {"ticket": "OPS-1832", "links": ["a", "b"]}, "repository": "acme/logs",
            "follow_up_rules": [{"condition": "success", "next_directive": "Write a ticket for the noisiest service"}],
        }))
        .await;
    let first = api.post("/mcp/get_next_directive?agent=claude-1", Value::Null).await.body["directive_id"].clone();
    let failed = told(&first, false, "", json!("timed out after 300 s"));
    api.post("/mcp/get_next_directive?agent=claude-2&wait_seconds=20", failed).await;
    let done = told(
        &first,
        true,
        "Billing (812 errors), search (77), mail (12).\nAll are the same\u{200b} timeout.",
        Value::Null,
    );
    api.post("/mcp/get_next_directive?agent=claude-2", done).await;
    for number in 0..24 {
        let body = json!({"directive": format!("Review pull request #{}: look for missing tests", 400 + number),
                          "priority": (["low", "medium"][number % 2]), "tags": ["review"]});
        api.add_with(body).await;
    }
    for number in 0..8 {
        let taken = api.take().await["directive_id"].clone();
        if number > 0 {
            let error = if number == 3 { json!("access denied: the token has expired") } else { Value::Null };
            let report = told(&taken, number != 3, "Looks fine, two remarks left.", error);
            api.post("/mcp/get_next_directive?tags=none", report).await;
        }
    }
    for hours in 1..4 {
        api.add_with(json!({"directive": format!("Weekly report, part {hours}"), "delay_seconds": 3600 * hours})).await;
    }
    api.add(&format!("<script>alert(1)</script> \u{202e}turned {}", "averylongword".repeat(40))).await;
    let needed = api.add("Build the release").await;
    api.add_with(json!({"directive": "Ship it", "agent": "release-bot", "depends_on": [needed]})).await;
    id
}
