//! The shell's time: the system's, or one that tests move by hand.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use futures::future::BoxFuture;

use super::locked;
use crate::primitives::{Instant, Span};

/// Where the shell reads the time and waits. The functional core never does.
///
/// # Contract
/// - `now` is the wall clock; it may jump. `elapsed` never goes back and never jumps: the shell compares the two, and
///   holds back a jump ahead of the wall clock (promise 1.1).
/// - The future of `sleep_until` ends at or after that instant of the wall clock, on any executor. Dropping it forgets it.
pub trait Clock: fmt::Debug + Send + Sync {
    /// The wall clock.
    fn now(&self) -> Instant;
    /// Time since some fixed moment, by a clock that only goes forward at its own pace.
    fn elapsed(&self) -> Span;
    /// Waits.
    fn sleep_until(&self, at: Instant) -> BoxFuture<'static, ()>;
}

/// The system's clock. Sleepers wait on one thread of its own, started with the first of them, so that any executor
/// serves.
#[derive(Clone)]
pub struct SystemClock {
    started: std::time::Instant,
    sleepers: Arc<Sleepers>,
}

impl Default for SystemClock {
    fn default() -> Self {
        SystemClock { started: std::time::Instant::now(), sleepers: Arc::default() }
    }
}

impl SystemClock {
    /// The system's clock.
    pub fn new() -> Self {
        SystemClock::default()
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Instant {
        Instant::from(std::time::SystemTime::now())
    }

    fn elapsed(&self) -> Span {
        Span::millis(i64::try_from(self.started.elapsed().as_millis()).unwrap_or(i64::MAX))
    }

    fn sleep_until(&self, at: Instant) -> BoxFuture<'static, ()> {
        let wait = (at - self.now()).to_std();
        let at = Span::millis(i64::try_from((self.started.elapsed() + wait).as_millis()).unwrap_or(i64::MAX));
        self.sleepers.start(self.started);
        Box::pin(Sleep { sleepers: self.sleepers.clone(), at, id: None })
    }
}

impl fmt::Debug for SystemClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SystemClock")
    }
}

/// A clock that stands still until it is moved: for tests and for hosts that drive virtual time.
///
/// ```
/// use throughline::{Clock, ManualClock, Span};
/// let clock = ManualClock::at("2026-03-01T10:00:00Z".parse()?);
/// clock.advance(Span::hours(1));
/// assert_eq!(clock.now().to_string(), "2026-03-01T11:00:00Z");
/// # Ok::<(), throughline::ParseTimeError>(())
/// ```
#[derive(Clone)]
pub struct ManualClock {
    times: Arc<Mutex<(Instant, Span)>>,
    sleepers: Arc<Sleepers>,
}

impl ManualClock {
    /// A clock that stands at an instant.
    pub fn at(now: Instant) -> Self {
        ManualClock { times: Arc::new(Mutex::new((now, Span::ZERO))), sleepers: Arc::default() }
    }

    /// Lets time pass.
    pub fn advance(&self, by: Span) {
        let now = {
            let mut times = locked(&self.times);
            times.0 += by;
            times.1 = Span::millis(times.1.as_millis().saturating_add(by.as_millis()));
            times.0
        };
        self.sleepers.wake(Span::millis(now.as_millis()));
    }

    /// Lets time pass up to an instant; an earlier one changes nothing.
    pub fn advance_to(&self, at: Instant) {
        let by = at - self.now();
        if by > Span::ZERO {
            self.advance(by);
        }
    }

    /// Sets the wall clock without time passing, as a wrong clock does.
    pub fn jump_to(&self, at: Instant) {
        locked(&self.times).0 = at;
        self.sleepers.wake(Span::millis(at.as_millis()));
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Instant {
        locked(&self.times).0
    }

    fn elapsed(&self) -> Span {
        locked(&self.times).1
    }

    fn sleep_until(&self, at: Instant) -> BoxFuture<'static, ()> {
        if at <= self.now() {
            return Box::pin(std::future::ready(()));
        }
        Box::pin(Sleep { sleepers: self.sleepers.clone(), at: Span::millis(at.as_millis()), id: None })
    }
}

impl fmt::Debug for ManualClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ManualClock({})", self.now())
    }
}

/// Who sleeps until when, on a scale of the clock's own.
#[derive(Default)]
struct Sleepers {
    queue: Mutex<Queue>,
    changed: Condvar,
}

#[derive(Default)]
struct Queue {
    next_id: u64,
    /// The time up to which everybody was woken.
    woken: Option<Span>,
    order: BinaryHeap<Reverse<(Span, u64)>>,
    wakers: std::collections::HashMap<u64, Waker>,
    running: bool,
}

impl Sleepers {
    /// Wakes whoever waits for a time up to `now`.
    fn wake(&self, now: Span) {
        let mut due = Vec::new();
        {
            let mut queue = locked(&self.queue);
            queue.woken = queue.woken.max(Some(now));
            while queue.order.peek().is_some_and(|Reverse((at, _))| *at <= now) {
                if let Some(Reverse((_, id))) = queue.order.pop() {
                    due.extend(queue.wakers.remove(&id));
                }
            }
        }
        due.into_iter().for_each(Waker::wake);
    }

    /// Starts the thread that wakes, if it does not run.
    fn start(self: &Arc<Self>, started: std::time::Instant) {
        let mut queue = locked(&self.queue);
        if queue.running {
            return;
        }
        let sleepers = Arc::downgrade(self);
        let spawned = std::thread::Builder::new().name("throughline-clock".to_owned()).spawn(move || {
            while let Some(sleepers) = sleepers.upgrade() {
                let now = Span::millis(i64::try_from(started.elapsed().as_millis()).unwrap_or(i64::MAX));
                sleepers.wake(now);
                let queue = locked(&sleepers.queue);
                let next = queue.order.peek().map(|Reverse((at, _))| *at);
                // At most a second, so that the thread ends soon after its clock is gone.
                let wait = next.map_or(1_000, |at| (at.as_millis() - now.as_millis()).clamp(1, 1_000));
                let wait = std::time::Duration::from_millis(wait.unsigned_abs());
                drop(sleepers.changed.wait_timeout(queue, wait).unwrap_or_else(PoisonError::into_inner));
            }
        });
        queue.running = spawned.is_ok();
    }
}

/// One sleeper.
struct Sleep {
    sleepers: Arc<Sleepers>,
    at: Span,
    id: Option<u64>,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        let mut queue = locked(&this.sleepers.queue);
        if queue.woken.is_some_and(|woken| woken >= this.at) {
            return Poll::Ready(());
        }
        match this.id {
            Some(id) => {
                queue.wakers.insert(id, context.waker().clone());
            }
            None => {
                let id = queue.next_id;
                queue.next_id += 1;
                queue.order.push(Reverse((this.at, id)));
                queue.wakers.insert(id, context.waker().clone());
                this.id = Some(id);
                this.sleepers.changed.notify_one();
            }
        }
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            // Its place in the order goes when its time comes.
            locked(&self.sleepers.queue).wakers.remove(&id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::executor::block_on;

    #[test]
    fn a_manual_clock_wakes_sleepers_when_it_is_moved() {
        let clock = ManualClock::at(Instant::from_millis(0));
        let mut sleep = clock.sleep_until(Instant::from_millis(10));
        let mut context = Context::from_waker(Waker::noop());
        assert!(sleep.as_mut().poll(&mut context).is_pending());
        clock.advance(Span::millis(9));
        assert!(sleep.as_mut().poll(&mut context).is_pending());
        clock.advance(Span::millis(1));
        assert!(sleep.as_mut().poll(&mut context).is_ready());
    }

    #[test]
    fn the_system_clock_wakes_a_sleeper_without_an_executor_of_its_own() {
        let clock = SystemClock::new();
        // The past and the next millisecond: this waits for the clock's thread, not for time.
        block_on(clock.sleep_until(clock.now() + Span::millis(1)));
        block_on(clock.sleep_until(Instant::MIN));
    }
}
