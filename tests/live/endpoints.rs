//! A client and a server that talk with each other.

use std::net::{TcpListener, TcpStream};

use tungstenite::protocol::CloseFrame;
use tungstenite::protocol::frame::Frame;
use tungstenite::protocol::frame::coding::{Data, OpCode};
use tungstenite::{Message, WebSocket};

use crate::HANG;
use crate::said::{Client, Said, Server, Who};

/// Both ends of one connection. What one of them says has arrived at the other when a
/// function comes back, so that the order of all that is said is known.
pub(crate) trait Endpoints {
    /// Sends a message in these pieces, a frame each; returns what was sent.
    fn say(&mut self, from: Who, opcode: &str, pieces: &[&[u8]]) -> Said;

    /// Sends a Ping frame, which the other end answers; returns both frames.
    fn ping(&mut self, from: Who, payload: &[u8]) -> [Said; 2];

    /// Does the closing handshake, begun by `from`; returns both Close frames.
    fn close(self, from: Who, code: u16, reason: &str) -> [Said; 2];

    fn text(&mut self, from: Who, text: &str) -> Said {
        self.say(from, "text", &[text.as_bytes()])
    }
}

/// Both ends in tungstenite.
pub(crate) struct Pair {
    pub(crate) client: WebSocket<TcpStream>,
    pub(crate) server: WebSocket<TcpStream>,
}

/// A free port on loopback, and who listens there.
pub(crate) fn listen() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

impl Pair {
    /// Connects to `listener`, and does the opening handshake for `/live`.
    pub(crate) fn connected(listener: &TcpListener) -> Self {
        let address = listener.local_addr().unwrap();
        let client = prepared(TcpStream::connect(address).unwrap());
        let server = prepared(listener.accept().unwrap().0);
        std::thread::scope(|scope| {
            let server = scope.spawn(|| tungstenite::accept(server).unwrap());
            let (client, _) = tungstenite::client(url(address.port()), client).unwrap();
            Self {
                client,
                server: server.join().unwrap(),
            }
        })
    }

    /// The client's address, as the program tells it.
    pub(crate) fn client_address(&self) -> String {
        self.client.get_ref().local_addr().unwrap().to_string()
    }

    /// The end that sends what is `from` it, and the one that receives that.
    pub(crate) fn ends(
        &mut self,
        from: Who,
    ) -> (&mut WebSocket<TcpStream>, &mut WebSocket<TcpStream>) {
        match from {
            Client => (&mut self.client, &mut self.server),
            Server => (&mut self.server, &mut self.client),
        }
    }

    /// Sends frames, and returns what arrives because of them.
    fn pass(&mut self, from: Who, frames: Vec<Frame>, arrives: usize) -> Vec<Message> {
        let (sender, receiver) = self.ends(from);
        // A long message does not fit between them: one must read while the other sends.
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for frame in frames {
                    sender.send(Message::Frame(frame)).unwrap();
                }
            });
            (0..arrives).map(|_| receiver.read().unwrap()).collect()
        })
    }

    /// Sends a text in two frames, with a Ping frame and its answer between them.
    pub(crate) fn ping_inside_text(&mut self, from: Who, pieces: [&str; 2]) -> [Said; 3] {
        let [first, second] = pieces.map(str::to_owned);
        let text = format!("{first}{second}");
        let first = Frame::message(first, OpCode::Data(Data::Text), false);
        let second = Frame::message(second, OpCode::Data(Data::Continue), true);
        let payload = &b"inside"[..];
        let arrived = self.pass(from, vec![first, Frame::ping(payload)], 1);
        assert_eq!(arrived, [Message::Ping(payload.into())]);
        self.answered(from.other(), payload);
        let arrived = self.pass(from, vec![second], 1);
        assert_eq!(arrived, [Message::text(&*text)]);
        [
            Said::new(from, "ping", 1, payload),
            Said::new(from.other(), "pong", 1, payload),
            Said::new(from, "text", 2, text.as_bytes()),
        ]
    }

    /// Has the answer to a Ping frame sent by `from`.
    fn answered(&mut self, from: Who, payload: &[u8]) {
        let (sender, receiver) = self.ends(from);
        // It was queued when the Ping frame was read.
        sender.flush().unwrap();
        let pong = Message::Pong(payload.to_vec().into());
        assert_eq!(receiver.read().unwrap(), pong);
    }
}

impl Endpoints for Pair {
    fn say(&mut self, from: Who, opcode: &str, pieces: &[&[u8]]) -> Said {
        let payload = pieces.concat();
        let (first, expected) = match opcode {
            "text" => {
                let text = String::from_utf8(payload.clone()).unwrap();
                (Data::Text, Message::text(text))
            }
            "binary" => (Data::Binary, Message::binary(payload.clone())),
            other => panic!("{other} is no message"),
        };
        let frames = pieces.iter().enumerate().map(|(place, piece)| {
            let data = if place == 0 { first } else { Data::Continue };
            let is_final = place + 1 == pieces.len();
            Frame::message(piece.to_vec(), OpCode::Data(data), is_final)
        });
        let arrived = self.pass(from, frames.collect(), 1);
        assert!(arrived == [expected], "{opcode} of {}", payload.len());
        Said::new(from, opcode, pieces.len(), &payload)
    }

    fn ping(&mut self, from: Who, payload: &[u8]) -> [Said; 2] {
        let (sender, receiver) = self.ends(from);
        let ping = Message::Ping(payload.to_vec().into());
        sender.send(ping.clone()).unwrap();
        assert_eq!(receiver.read().unwrap(), ping);
        self.answered(from.other(), payload);
        [
            Said::new(from, "ping", 1, payload),
            Said::new(from.other(), "pong", 1, payload),
        ]
    }

    fn close(mut self, from: Who, code: u16, reason: &str) -> [Said; 2] {
        let (sender, receiver) = self.ends(from);
        let close = CloseFrame {
            code: code.into(),
            reason: reason.to_owned().into(),
        };
        sender.close(Some(close.clone())).unwrap();
        let expected = Message::Close(Some(close));
        assert_eq!(receiver.read().unwrap(), expected);
        // The answer; a server says by an error that the connection is to be closed now.
        let _ = receiver.flush();
        assert_eq!(sender.read().unwrap(), expected);
        Who::BOTH.map(|who| {
            let who = if who == Client { from } else { from.other() };
            Said::close(who, code, reason)
        })
    }
}

pub(crate) fn url(port: u16) -> String {
    format!("ws://127.0.0.1:{port}/live")
}

/// Sends each frame at once, and waits for one only so long.
fn prepared(stream: TcpStream) -> TcpStream {
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(HANG)).unwrap();
    stream
}
