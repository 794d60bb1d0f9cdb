//! A PHP that answers lines, and PHP's own server.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Stdio},
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};

use billhook_drivers::{Result, billhook::command};
use billhook_test_kit::within;

const ANSWERS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/bin/php-compare/answers.php");
/// PHP's default limits, whatever the machine's php.ini says.
const PLAIN: [&str; 3] = ["-n", "-d", "display_errors=0"];
/// How long the server may take to start.
const START_MAX: Duration = Duration::from_secs(20);
/// How long an answer may take.
const ANSWER_MAX: Duration = Duration::from_mins(1);

/// What PHP does with an input.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Task {
    ParseStr,
    HttpBuildQuery,
    JsonEncode,
}

impl Task {
    fn name(self) -> &'static str {
        match self {
            Self::ParseStr => "parse_str",
            Self::HttpBuildQuery => "http_build_query",
            Self::JsonEncode => "json_encode",
        }
    }
}

/// A PHP that reads tasks from its input. Drop closes the input, and so ends it.
pub(crate) struct Lines {
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    child: Child,
}

impl Lines {
    pub(crate) fn start() -> Result<Self> {
        let mut child = command(Path::new("php"), PLAIN.iter().chain(&[ANSWERS]))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let (input, output) = (child.stdin.take(), child.stdout.take().ok_or("a PHP without an output")?);
        Ok(Self { input, output: BufReader::new(output), child })
    }

    /// The answers to inputs; `None` for PHP's false.
    pub(crate) fn ask(&mut self, task: Task, inputs: &[Vec<u8>]) -> Result<Vec<Option<Vec<u8>>>> {
        let mut line = task.name().to_owned();
        for input in inputs {
            line.push(' ');
            STANDARD.encode_string(input, &mut line);
        }
        line.push('\n');
        self.input.as_mut().ok_or("a PHP without an input")?.write_all(line.as_bytes())?;
        line.clear();
        self.output.read_line(&mut line)?;
        let answers: Vec<_> = line
            .trim_end_matches('\n')
            .split(' ')
            .map(|answer| (answer != "false").then(|| STANDARD.decode(answer)).transpose())
            .collect::<std::result::Result<_, _>>()?;
        if answers.len() != inputs.len() {
            return Err(
                format!("{}: {} answers to {} inputs", task.name(), answers.len(), inputs.len()).into()
            );
        }
        Ok(answers)
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        drop(self.input.take());
        // It ends by itself, and its status does not matter.
        let _ = self.child.wait();
    }
}

/// PHP's own server, which returns `$_POST`; killed on drop.
pub(crate) struct Server {
    address: SocketAddr,
    child: Child,
}

impl Server {
    pub(crate) fn start() -> Result<Self> {
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let listen = address.to_string();
        let child = command(Path::new("php"), PLAIN.iter().chain(&["-S", &listen, ANSWERS]))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let server = Self { address, child };
        if !within(START_MAX, || TcpStream::connect(address).is_ok()) {
            return Err("PHP's server does not answer".into());
        }
        Ok(server)
    }

    /// The serialized `$_POST`. The server keeps no connections open.
    pub(crate) fn post(&self, content_type: &str, body: &[u8]) -> Result<Vec<u8>> {
        let mut stream = TcpStream::connect(self.address)?;
        stream.set_read_timeout(Some(ANSWER_MAX))?;
        let head = format!(
            "POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(&[head.as_bytes(), body].concat())?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        let end = answer.windows(4).position(|four| four == b"\r\n\r\n").ok_or("an answer without a head")?;
        if !answer.starts_with(b"HTTP/1.1 200") {
            return Err(format!("PHP's answer: {}", answer.escape_ascii()).into());
        }
        Ok(answer.split_off(end + 4))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
