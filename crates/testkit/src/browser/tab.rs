//! One page in the browser, as somebody at the screen has it.

use std::{fs, path::Path, sync::Arc, time::Duration};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use tokio::time::{interval, timeout};

use super::link::Link;

/// How long something that will come may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often it is looked for.
const LOOK: Duration = Duration::from_millis(20);

/// A tab.
pub struct Tab {
    link: Arc<Link>,
    session: String,
    target: String,
}

impl Tab {
    pub(super) async fn new(link: Arc<Link>) -> Result<Self> {
        let text = |value: &Value| value.as_str().map(str::to_owned).context("the browser gave no id");
        let target = text(&link.call(None, "Target.createTarget", json!({"url": "about:blank"})).await?["targetId"])?;
        let attach = json!({"targetId": target, "flatten": true});
        let session = text(&link.call(None, "Target.attachToTarget", attach).await?["sessionId"])?;
        let tab = Tab { link, session, target };
        for domain in ["Page.enable", "Runtime.enable", "Log.enable", "Audits.enable"] {
            tab.call(domain, json!({})).await?;
        }
        tab.call("Emulation.setScrollbarsHidden", json!({"hidden": true})).await?;
        tab.size(1200, 900).await?;
        Ok(tab)
    }

    /// Calls a method of the DevTools protocol on the page.
    ///
    /// # Errors
    /// If the browser refuses.
    pub async fn call(&self, method: &str, params: Value) -> Result<Value> {
        self.link.call(Some(&self.session), method, params).await
    }

    /// Goes to an address and waits until the page and its scripts are there.
    ///
    /// # Errors
    /// If nothing answers there.
    pub async fn go(&self, url: &str) -> Result<()> {
        let told = self.call("Page.navigate", json!({"url": url})).await?;
        ensure!(told["errorText"].is_null(), "{url}: {}", told["errorText"]);
        self.until("document.readyState === 'complete'").await.map(drop)
    }

    /// The value of an expression in the page; promises are waited for.
    ///
    /// # Errors
    /// If it throws.
    pub async fn eval(&self, expression: &str) -> Result<Value> {
        let asked = json!({"expression": expression, "awaitPromise": true, "returnByValue": true, "userGesture": true});
        let mut told = self.call("Runtime.evaluate", asked).await?;
        if let Some(thrown) = told.get("exceptionDetails") {
            bail!("`{expression}` throws: {}", thrown["exception"]["description"]);
        }
        Ok(told["result"]["value"].take())
    }

    /// Waits until an expression is truthy, also across pages.
    ///
    /// # Errors
    /// If it does not become so in time.
    pub async fn until(&self, expression: &str) -> Result<Value> {
        let looked = async {
            let mut ticks = interval(LOOK);
            loop {
                ticks.tick().await;
                // While a page is being left there is nothing to ask.
                let value = self.eval(expression).await.unwrap_or_default();
                if !matches!(value, Value::Null | Value::Bool(false)) && value != json!("") && value != json!(0) {
                    return value;
                }
            }
        };
        match timeout(PATIENCE, looked).await {
            Ok(value) => Ok(value),
            Err(_) => {
                let why = self.eval(expression).await.err().map(|error| error.to_string()).unwrap_or_default();
                let page = self.eval("location.href + '\\n' + document.body.innerText").await.unwrap_or_default();
                bail!(
                    "`{expression}` did not come true within {PATIENCE:?}. {why}\n{}",
                    page.as_str().unwrap_or_default()
                )
            }
        }
    }

    /// Clicks in the middle of an element, after scrolling to it.
    ///
    /// # Errors
    /// If there is none or nothing of it is seen.
    pub async fn click(&self, selector: &str) -> Result<()> {
        let place = format!(
            "(() => {{ const e = document.querySelector({}); if (!e || !e.checkVisibility()) return null; \
             e.scrollIntoView({{block: 'center'}}); const r = e.getBoundingClientRect(); \
             return [r.x + r.width / 2, r.y + r.height / 2]; }})()",
            json!(selector)
        );
        let place = self.until(&place).await.with_context(|| format!("click on {selector}"))?;
        for kind in ["mousePressed", "mouseReleased"] {
            let event = json!({"type": kind, "x": place[0], "y": place[1], "button": "left", "clickCount": 1});
            self.call("Input.dispatchMouseEvent", event).await?;
        }
        Ok(())
    }

    /// Types a text where the focus is.
    ///
    /// # Errors
    /// If the browser refuses.
    pub async fn write(&self, text: &str) -> Result<()> {
        self.call("Input.insertText", json!({"text": text})).await.map(drop)
    }

    /// Presses a key: a character, or `Enter`, `Escape`, `Tab`.
    ///
    /// # Errors
    /// If the browser refuses.
    pub async fn press(&self, key: &str) -> Result<()> {
        let (code, text) = match key {
            "Enter" => (13, "\r"),
            "Escape" => (27, ""),
            "Tab" => (9, ""),
            character => (0, character),
        };
        let mut event = json!({"type": "keyDown", "key": key, "windowsVirtualKeyCode": code});
        if !text.is_empty() {
            event["text"] = text.into();
        }
        self.call("Input.dispatchKeyEvent", event).await?;
        self.call("Input.dispatchKeyEvent", json!({"type": "keyUp", "key": key, "windowsVirtualKeyCode": code}))
            .await?;
        Ok(())
    }

    /// Makes the screen this large, in CSS pixels.
    ///
    /// # Errors
    /// If the browser refuses.
    pub async fn size(&self, width: u32, height: u32) -> Result<()> {
        let size = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600});
        self.call("Emulation.setDeviceMetricsOverride", size).await.map(drop)
    }

    /// Pretends that the reader prefers something: `("prefers-color-scheme", "dark")`.
    ///
    /// # Errors
    /// If the browser refuses.
    pub async fn prefer(&self, feature: &str, value: &str) -> Result<()> {
        let features = json!({"features": [{"name": feature, "value": value}]});
        self.call("Emulation.setEmulatedMedia", features).await.map(drop)
    }

    /// Everything the console complained of since the last call: exceptions, errors, refused loads and scripts.
    pub fn complaints(&self) -> Vec<String> {
        self.link.events(&self.session).iter().filter_map(complaint).collect()
    }

    /// A picture of the whole page, as PNG.
    ///
    /// # Errors
    /// If it cannot be taken or written.
    pub async fn picture(&self, file: &Path) -> Result<()> {
        let told = self.call("Page.captureScreenshot", json!({"format": "png", "captureBeyondViewport": true})).await?;
        let text = told["data"].as_str().context("no picture")?;
        fs::write(file, base64::Engine::decode(&base64::engine::general_purpose::STANDARD, text)?)?;
        Ok(())
    }

    /// Closes it.
    ///
    /// # Errors
    /// If the browser refuses.
    pub async fn close(self) -> Result<()> {
        self.link.call(None, "Target.closeTarget", json!({"targetId": self.target})).await.map(drop)
    }
}

fn complaint(event: &Value) -> Option<String> {
    let params = &event["params"];
    match event["method"].as_str()? {
        "Runtime.exceptionThrown" => Some(params["exceptionDetails"].to_string()),
        "Runtime.consoleAPICalled" if matches!(params["type"].as_str(), Some("error" | "warning" | "assert")) => {
            Some(params["args"].to_string())
        }
        "Log.entryAdded" if matches!(params["entry"]["level"].as_str(), Some("error" | "warning")) => {
            Some(params["entry"].to_string())
        }
        "Audits.issueAdded" if params["issue"]["code"] == "ContentSecurityPolicyIssue" => {
            Some(params["issue"].to_string())
        }
        _ => None,
    }
}
