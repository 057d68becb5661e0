//! A handler of an actix-web service of your own: `POST /sentiment` with a text as the body.
//!
//! ```sh
//! cargo run --release --example handler
//! curl -s localhost:8000/sentiment --data "Shares plunged 12%"
//! ```
//!
//! An argument is another address to listen on.
//!
//! If you want a whole service, with batching across requests, limits and metrics, run `finsent serve` beside your
//! program instead.

use std::{env, io};

use actix_web::{App, HttpResponse, HttpServer, web};
use finsent::Model;

async fn sentiment(model: web::Data<Model>, text: String) -> HttpResponse {
    // The model computes for milliseconds, so it must not hold up the thread that serves connections.
    let result = web::block(move || model.classify(&text)).await;
    match result {
        Ok(Ok(prediction)) => HttpResponse::Ok().json(prediction),
        Ok(Err(error)) => HttpResponse::UnprocessableEntity().body(error.to_string()),
        Err(_) => HttpResponse::InternalServerError().finish(),
    }
}

#[actix_web::main]
async fn main() -> io::Result<()> {
    let model = Model::builder().embedded().build().map_err(io::Error::other)?;
    let model = web::Data::new(model);
    let app = move || App::new().app_data(model.clone()).route("/sentiment", web::post().to(sentiment));
    let address = env::args().nth(1).unwrap_or("127.0.0.1:8000".into());
    HttpServer::new(app).bind(address)?.run().await
}
