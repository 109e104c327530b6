//! What a frame's notes rest on, and what is noted there in turn, back to what needs no judgement: the whole
//! reasoning behind a verdict. Pure: it is shown the segments of a capture, as often as it asks for.

use crate::event::{Link, Note, Segment};

/// Frames in a chain: more would not be read.
const MOST: usize = 40;
/// Steps that are followed back.
const STEPS: usize = 8;

/// A chain of evidence that grows with each look at the capture.
#[derive(Clone, Debug)]
pub struct Chain {
    links: Vec<Link>,
    /// Whether the notes of each have been seen.
    met: Vec<bool>,
    cut: bool,
}

impl Chain {
    /// What that frame rests on: nothing, before the first look.
    pub fn of(frame: u64) -> Self {
        Self {
            links: vec![Link { frame, step: 0 }],
            met: vec![false],
            cut: false,
        }
    }

    /// Takes the next segment of the capture.
    pub fn observe(&mut self, segment: &Segment<'_>) {
        let Some(at) = self.place(segment.frame).filter(|&at| !self.met[at]) else {
            return;
        };
        self.met[at] = true;
        let step = self.links[at].step + 1;
        for frame in segment.notes.iter().flat_map(Note::evidence) {
            if let Some(known) = self.place(frame) {
                self.links[known].step = self.links[known].step.min(step);
            } else if self.links.len() < MOST && step <= STEPS {
                self.links.push(Link { frame, step });
                self.met.push(false);
            } else {
                self.cut = true;
            }
        }
    }

    /// How many frames it has. One more look at the capture tells nothing when the last found no more: what a
    /// frame rests on comes before it, but for what proves it afterwards.
    pub fn found(&self) -> usize {
        self.links.len()
    }

    /// The frames, those that the verdict rests on itself before those that these rest on, and the nearest first; and
    /// whether there are more, which it does not go back to.
    pub fn links(self) -> (Vec<Link>, bool) {
        let Self { mut links, cut, .. } = self;
        let frame = links[0].frame;
        links.sort_by_key(|link| (link.step, link.frame.abs_diff(frame)));
        (links, cut)
    }

    fn place(&self, frame: u64) -> Option<usize> {
        self.links.iter().position(|link| link.frame == frame)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::{Analysis, Limits};
    use crate::event::Event;
    use crate::{io, recordings};

    /// Looks at a recording until nothing more is found.
    fn chain(name: &str, frame: u64) -> (Vec<(u64, usize)>, bool) {
        let (_, bytes) = recordings::capture(name).unwrap();
        let mut chain = Chain::of(frame);
        let mut found = 0;
        while chain.found() > found {
            found = chain.found();
            let mut source = io::file::from_bytes(bytes).unwrap();
            let mut analysis = Analysis::new(Limits::default());
            while let Some(frame) = source.next_frame().unwrap() {
                let done: Result<(), std::convert::Infallible> =
                    analysis.handle(&frame, &mut |event| {
                        if let Event::Segment(segment) = event {
                            chain.observe(segment);
                        }
                        Ok(())
                    });
                let Ok(()) = done;
            }
        }
        let (links, cut) = chain.links();
        let links = links.iter().map(|link| (link.frame, link.step));
        (links.collect(), cut)
    }

    #[test]
    fn each_frame_stands_once_at_its_shortest_step_and_the_nearest_first() {
        let (links, cut) = chain("retransmission", 17);
        let expected = [(17, 0), (16, 1), (15, 1), (14, 1), (6, 1), (13, 2)];
        assert_eq!(links, expected);
        assert!(!cut);
    }

    #[test]
    fn a_long_recovery_is_followed_so_far_and_no_further() {
        let mut longest = 0;
        for frame in 150..700 {
            let (links, cut) = chain("queue-overflow-20", frame);
            let mut frames: Vec<_> = links.iter().map(|link| link.0).collect();
            frames.sort_unstable();
            frames.dedup();
            assert_eq!(frames.len(), links.len(), "frame {frame}");
            assert!(links.len() <= MOST && links.iter().all(|link| link.1 <= STEPS));
            assert!(cut || links.len() < MOST);
            longest = longest.max(links.len());
        }
        assert!(longest > 5, "{longest}");
    }
}
