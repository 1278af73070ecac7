"""The small site once more, with a notice that stops a period: what it finds is split into one message a booking."""

from routing_desk import TEXTS

SOURCE = """
profile: desk/source
adapter: http
format: json
incoming:
  stopped:
    match: type == stopped
    gives: stop
    read: {schedule: schedule, begin: begin, campus: campus, bookings: {each: bookings, fields: {no: no, who: who, paid: paid}}}
  other:
    match: type == other
    gives: note
    read: {to: who}
"""
STOP = """
shape: stop
find: {schedule: schedule}
fields:
  schedule: {required: true}
  begin: text
  campus: text
  codes: {type: list, of: text}
  bookings: {type: list, fields: {no: text, who: text, paid: text}}
"""
BOOKING = """
shape: booking
find: {booking: no}
fields:
  no: {required: true}
  begin: text
  who: text
  paid: {type: code, codes: ["yes", "no"]}
"""
FOUND = """
shape: found
fields: {count: integer, bookings: {type: list, fields: {no: text, who: text, paid: text}}}
"""
OFFICE = """
profile: desk/office
adapter: http
format: json
outgoing:
  find:
    takes: stop
    gives: found
    effect: none
    http: {method: GET, path: /find}
    reply: {bookings: {each: bookings, fields: {no: no, who: who, paid: paid}}}
    meaning: {otherwise: delivered}
  tell:
    takes: booking
    effect: change
    http: {path: /tell}
    request: {no: no, who: who, begin: begin}
    meaning: {code: code, delivered: ["0"], refused: {"1": gone}}
  cancel:
    takes: booking
    effect: change
    http: {path: /cancel}
    request: {no: no}
    meaning: {code: code, delivered: ["0"], refused: {"1": gone}}
  done:
    takes: stop
    effect: change
    http: {path: /done}
    request: {schedule: schedule, count: each.reply.count}
    meaning: {code: code, delivered: ["0"]}
"""
BETWEEN = """
between: booking_of_stop
takes: booking
gives: booking
fields: {no: no, who: who, paid: paid, begin: parent.begin}
"""
ROUTES = """
routes:
  stopped:
    from: source.stopped
    key: schedule
    steps:
      find: {to: office.find}
      each: {each: find.reply.bookings, to: route.booking_stopped, map: booking_of_stop}
      done: {to: office.done, needs: [each]}
  booking_stopped:
    from: route
    key: [no, begin]
    lane: {by: no, name: booking}
    steps:
      tell: {to: office.tell, needs: [], lane: none}
      cancel: {to: office.cancel, needs: [], when: "paid == no"}
"""

SPLIT_TEXTS = {
    **{name: text for name, text in TEXTS.items() if "/shapes/note" in name},
    "mappings/shapes/stop.yaml": STOP,
    "mappings/shapes/booking.yaml": BOOKING,
    "mappings/shapes/found.yaml": FOUND,
    "mappings/desk/source.yaml": SOURCE,
    "mappings/desk/office.yaml": OFFICE,
    "mappings/between/booking_of_stop.yaml": BETWEEN,
}
