//! Who may speak of a directive that somebody else submitted or holds.

use baton_engine::{Poll, Principal};
use baton_model::{
    DirectiveRequest, State,
    principal::{Scope, Scopes},
    webhook::EndpointRequest,
};

use crate::house::{House, code, directive, report, with_token};

fn principal(name: &str, scope: Scope) -> Principal {
    Principal { name: name.into(), scopes: Scopes::from_iter([scope]), token: None }
}

async fn take(house: &House, who: &Principal) -> (String, String) {
    let answer = house.engine.next(who, Poll::default()).await.unwrap();
    (answer.directive_id.unwrap(), answer.metadata.lease_token.unwrap())
}

#[tokio::test]
async fn whoever_gave_a_directive_back_cannot_end_what_another_holds() {
    let house = House::new().await;
    let (bob, ann) = (principal("bob", Scope::Work), principal("ann", Scope::Work));
    let id = house.add("count").await;
    let (_, given_back) = take(&house, &bob).await;
    house.engine.release(&bob, &id, &given_back, 0.0, "no time").await.unwrap();
    let (_, held) = take(&house, &ann).await;

    let steal = |report| Poll { report: Some(report), ..Poll::default() };
    let bare = house.engine.next(&bob, steal(report(&id, true, "stolen"))).await;
    assert_eq!(code(bare), "lease_token_required");
    let late = house.engine.next(&bob, steal(with_token(&id, true, "stolen", &given_back))).await;
    assert_eq!(code(late), "stale_attempt");
    // Words without a token could be of either delivery, also when both went to the same principal.
    let ambiguous = house.engine.next(&ann, steal(report(&id, true, "mine"))).await;
    assert_eq!(code(ambiguous), "lease_token_required");

    house.engine.next(&ann, steal(with_token(&id, true, "mine", &held))).await.unwrap();
    let shown = house.show(&id).await;
    assert_eq!((shown.directive.state, shown.result.unwrap().result), (State::Completed, "mine".to_owned()));
}

#[tokio::test]
async fn a_holder_sees_the_work_while_it_holds_it_and_not_the_submitters_urls() {
    let house = House::new().await;
    let bob = principal("bob", Scope::Work);
    let hook = "http://hooks.example/?key=secret";
    let id = house.submit(DirectiveRequest { webhook: Some(hook.to_owned()), ..directive("count") }).await;
    assert!(house.engine.directive(&bob, &id).await.is_err(), "before it holds it");
    let (_, token) = take(&house, &bob).await;
    let held = house.engine.directive(&bob, &id).await.unwrap();
    assert_eq!((held.directive.directive.as_str(), held.webhook), ("count", None));
    let told = Poll { report: Some(with_token(&id, true, "7", &token)), ..Poll::default() };
    house.engine.next(&bob, told).await.unwrap();
    assert!(house.engine.directive(&bob, &id).await.is_err(), "after it has reported");
    assert_eq!(house.show(&id).await.deliveries.len(), 1);
}

#[tokio::test]
async fn an_owner_does_not_see_what_goes_to_others_endpoints() {
    let house = House::new().await;
    let ann = principal("ann", Scope::Submit);
    let everybodys = EndpointRequest::to("http://hooks.example/ops?key=secret");
    house.engine.create_webhook(&house.who, everybodys).await.unwrap();
    let new = house.engine.check(directive("count")).await.unwrap();
    let id = house.engine.submit(&ann, new).await.unwrap().directive_id;
    let (_, token) = house.take().await;
    house.report(with_token(&id, true, "7", &token)).await.unwrap();
    assert!(house.engine.directive(&ann, &id).await.unwrap().deliveries.is_empty());
    assert_eq!(house.show(&id).await.deliveries.len(), 1, "an admin sees it");
}
