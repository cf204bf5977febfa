//! Work that blocks, kept off the threads that serve the network. On a runtime of one thread, which is what a simulation
//! has, everything is done on that thread, in its turn.

use std::future::Future;

use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::oneshot;

fn has_one_thread() -> bool {
    Handle::try_current().is_ok_and(|handle| handle.runtime_flavor() == RuntimeFlavor::CurrentThread)
}

/// Does a little work that blocks, where it stands.
pub fn in_place<T>(work: impl FnOnce() -> T) -> T {
    match Handle::try_current().map(|handle| handle.runtime_flavor()) {
        Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(work),
        _ => work(),
    }
}

/// Does work that blocks on a thread for such work. `None` if it panicked, or the process is ending.
pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    match has_one_thread() {
        true => Some(work()),
        false => tokio::task::spawn_blocking(work).await.ok(),
    }
}

/// Does long work on a thread of its own, which nobody waits for.
pub fn beside(work: impl FnOnce() + Send + 'static) {
    match has_one_thread() {
        true => work(),
        false => drop(std::thread::spawn(work)),
    }
}

/// Runs a future that computes and blocks between its waits: on a thread of its own. What is returned ends when the future
/// has ended.
pub fn on_own_thread(future: impl Future<Output = ()> + Send + 'static) -> oneshot::Receiver<()> {
    let (ends, ended) = oneshot::channel();
    let whole = async move {
        let _ends = ends;
        future.await;
    };
    let runtime = Handle::current();
    match has_one_thread() {
        true => drop(runtime.spawn(whole)),
        false => drop(std::thread::spawn(move || runtime.block_on(whole))),
    }
    ended
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn threads_of_each() -> [std::thread::ThreadId; 4] {
        let here = || std::thread::current().id();
        let (send, receive) = oneshot::channel();
        beside(move || send.send(here()).unwrap());
        let (tell, told) = oneshot::channel();
        let ended = on_own_thread(async move { tell.send(here()).unwrap() });
        assert!(ended.await.is_err(), "nothing is sent: it ends");
        [in_place(here), blocking(here).await.unwrap(), receive.await.unwrap(), told.await.unwrap()]
    }

    #[tokio::test(flavor = "current_thread")]
    async fn one_thread_does_everything() {
        assert_eq!(threads_of_each().await, [std::thread::current().id(); 4]);
    }

    #[test]
    fn several_threads_share_it_out() {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
        let own = runtime.block_on(threads_of_each());
        let here = std::thread::current().id();
        assert_eq!(own[0], here);
        assert!(own[1..].iter().all(|other| *other != here), "{own:?}");
        assert!(own[2] != own[3]);
    }
}
