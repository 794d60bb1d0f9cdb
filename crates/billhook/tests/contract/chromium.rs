//! A real browser: Debian's Chromium, driven through its `chromedriver`.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
    time::Duration,
};

use billhook_test_kit::within;
use fantoccini::{Client, ClientBuilder, Locator, elements::Element, wd::WebDriverCompatibleCommand};
use serde_json::{Value, json};

/// How long a page may take to come.
const ANSWER_MAX: Duration = Duration::from_secs(20);

/// How a page is looked at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Look {
    pub(crate) language: &'static str,
    pub(crate) width: u32,
    pub(crate) is_dark: bool,
    pub(crate) has_scripts: bool,
}

/// A driver and its browser. Dropped, both end.
pub(crate) struct Chromium {
    driver: Child,
    pub(crate) client: Client,
    pub(crate) runtime: tokio::runtime::Runtime,
}

/// A command of the driver's own.
#[derive(Debug)]
struct DriverCommand(&'static str, Value);

impl WebDriverCompatibleCommand for DriverCommand {
    fn endpoint(&self, base: &url::Url, session: Option<&str>) -> Result<url::Url, url::ParseError> {
        base.join(&format!("session/{}/{}", session.unwrap_or_default(), self.0))
    }

    fn method_and_body(&self, _: &url::Url) -> (http::Method, Option<String>) {
        (http::Method::POST, Some(self.1.to_string()))
    }
}

impl Chromium {
    /// Starts them.
    pub(crate) fn start(look: Look) -> Self {
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver runs: apt-get install chromium chromium-driver");
        let lines = BufReader::new(driver.stdout.take().unwrap()).lines();
        let port = lines.map_while(Result::ok).find_map(|line| {
            let port = line.split_once("started successfully on port ")?.1.trim_end_matches('.').to_owned();
            Some(port)
        });
        let address = format!("http://127.0.0.1:{}", port.expect("chromedriver says its port"));
        let arguments = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
        ];
        let scripts = if look.has_scripts { 1 } else { 2 };
        let options = json!({
            "args": arguments,
            "prefs": {
                "intl.accept_languages": look.language,
                "profile.managed_default_content_settings.javascript": scripts,
            },
        });
        let capabilities = json!({"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}});
        let Value::Object(capabilities) = capabilities else { unreachable!() };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let connected = runtime.block_on(
            ClientBuilder::new(hyper_util::client::legacy::connect::HttpConnector::new())
                .capabilities(capabilities)
                .connect(&address),
        );
        let chromium = Self { driver, client: connected.unwrap(), runtime };
        let scheme = if look.is_dark { "dark" } else { "light" };
        chromium.devtools(
            "Emulation.setEmulatedMedia",
            &json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]}),
        );
        chromium.devtools(
            "Emulation.setDeviceMetricsOverride",
            &json!({"width": look.width, "height": 900, "deviceScaleFactor": 1, "mobile": look.width < 600}),
        );
        chromium
    }

    fn devtools(&self, command: &str, parameters: &Value) {
        let command = DriverCommand("goog/cdp/execute", json!({"cmd": command, "params": parameters}));
        self.runtime.block_on(self.client.issue_cmd(command)).unwrap();
    }

    /// Opens a page.
    pub(crate) fn open(&self, url: &str) {
        self.runtime.block_on(self.client.goto(url)).unwrap();
    }

    fn element(&self, selector: &str) -> Element {
        let found = self.client.wait().at_most(ANSWER_MAX).for_element(Locator::Css(selector));
        let found = self.runtime.block_on(found);
        found.unwrap_or_else(|error| panic!("{selector}: {error}: {}", self.html()))
    }

    /// The text that an element shows.
    pub(crate) fn text(&self, selector: &str) -> String {
        let element = self.element(selector);
        self.runtime.block_on(element.text()).unwrap()
    }

    /// Clicks an element that leads to another page, and waits until that page is loaded.
    pub(crate) fn click(&self, selector: &str) {
        let element = self.element(selector);
        self.runtime.block_on(element.click()).unwrap();
        // Between two pages the driver answers with other errors: those say nothing yet.
        let is_left = || {
            let looked = self.runtime.block_on(element.tag_name());
            looked.is_err_and(|error| error.is_stale_element_reference() || error.is_no_such_element())
        };
        assert!(within(ANSWER_MAX, is_left), "{selector} leads nowhere");
        let is_loaded = || {
            let state = self.runtime.block_on(self.client.execute("return document.readyState", Vec::new()));
            state.is_ok_and(|state| state == "complete")
        };
        assert!(within(ANSWER_MAX, is_loaded), "{selector} leads to a page that does not load");
    }

    /// Types into a field.
    pub(crate) fn fill(&self, selector: &str, text: &str) {
        let element = self.element(selector);
        self.runtime.block_on(async {
            element.clear().await.unwrap();
            element.send_keys(text).await.unwrap();
        });
    }

    /// The page's HTML.
    pub(crate) fn html(&self) -> String {
        let mut html = String::new();
        let is_there = || {
            html = self.runtime.block_on(self.client.source()).unwrap();
            html.contains("<h1")
        };
        assert!(within(ANSWER_MAX, is_there), "no page came");
        html
    }

    /// Runs a script in the page, and waits for what it gives to its last argument.
    pub(crate) fn script(&self, script: &str) -> Value {
        self.runtime.block_on(self.client.execute_async(script, Vec::new())).unwrap()
    }

    /// What the console has had since the last look: errors of scripts, refused by a policy, not found.
    pub(crate) fn console(&self) -> Vec<String> {
        let log =
            self.runtime.block_on(self.client.issue_cmd(DriverCommand("se/log", json!({"type": "browser"}))));
        let entries = log.unwrap();
        entries
            .as_array()
            .unwrap()
            .iter()
            .map(|entry| entry["message"].as_str().unwrap().to_owned())
            .collect()
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        let client = self.client.clone();
        let closed = async { tokio::time::timeout(Duration::from_secs(5), client.close()).await };
        let _ = self.runtime.block_on(closed);
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}
