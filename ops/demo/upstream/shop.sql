-- The upstream shop. Every business transaction writes one row of its own and one row of the outbox, or neither.
-- Applying this twice, also at the same time, changes nothing.

SELECT pg_advisory_xact_lock(hashtext('shop.sql'));

CREATE TABLE IF NOT EXISTS orders (
    id          text PRIMARY KEY,
    user_id     text NOT NULL,
    total       numeric(10, 2) NOT NULL,
    carrier     text,
    placed_at   timestamptz NOT NULL DEFAULT now(),
    shipped_at  timestamptz
);

CREATE TABLE IF NOT EXISTS likes (
    item        text NOT NULL,
    owner_id    text NOT NULL,
    actor_id    text NOT NULL,
    liked_at    timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE IF NOT EXISTS sales (
    id          text PRIMARY KEY,
    name        text NOT NULL,
    percent     integer NOT NULL CHECK (percent BETWEEN 1 AND 99),
    audience    text NOT NULL,
    started_at  timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE IF NOT EXISTS login_codes (
    user_id       text NOT NULL,
    code          text NOT NULL,
    requested_at  timestamptz NOT NULL DEFAULT now()
);

-- Who the customers are, and what they wish: Carillon hears of every change (streams/cdc/tables/shop.yaml says what becomes of a column).
-- Whose row it is must be in the primary key: of a deleted row Postgres logs nothing else.
CREATE TABLE IF NOT EXISTS customers (
    id              text PRIMARY KEY CHECK (id <> ''),
    email           text,
    phone           text,
    phone_verified  boolean NOT NULL DEFAULT false,
    language        text,
    time_zone       text,                    -- IANA: Europe/Berlin
    tags            text[] NOT NULL DEFAULT '{}'
);

CREATE TABLE IF NOT EXISTS preferences (
    user_id      text PRIMARY KEY REFERENCES customers ON DELETE CASCADE,
    channels     text[],                     -- push, email, in_app; NULL: as usual
    muted        text[] NOT NULL DEFAULT '{}',
    hourly_cap   integer CHECK (hourly_cap >= 0),
    digest_hour  integer CHECK (digest_hour BETWEEN 0 AND 23),
    quiet_from   time,
    quiet_to     time,
    chat         text[]                      -- kind:address, one of a kind: slack:U012AB3CD
);
ALTER TABLE preferences ADD COLUMN IF NOT EXISTS chat text[];

CREATE TABLE IF NOT EXISTS devices (
    user_id   text NOT NULL REFERENCES customers ON DELETE CASCADE,
    token     text NOT NULL,
    platform  text NOT NULL CHECK (platform IN ('ios', 'android', 'web')),
    PRIMARY KEY (user_id, token)
);

CREATE TABLE IF NOT EXISTS outbox (
    id             uuid PRIMARY KEY,         -- the idempotency key of what comes of it
    -- the topic: events.<aggregatetype>; a name that no topic can have would stop the connector
    aggregatetype  text NOT NULL CHECK (aggregatetype ~ '^[a-z0-9_-]{1,100}$'),
    aggregateid    text NOT NULL,            -- the record's key
    type           text NOT NULL,            -- the header eventType, which trigger rules go by
    payload        bytea NOT NULL,           -- Avro in Confluent's wire format; goes through untouched
    -- UTC and without a zone: the event router reads a timestamp, but not a timestamptz
    created_at     timestamp NOT NULL DEFAULT (clock_timestamp() AT TIME ZONE 'utc')
);

CREATE INDEX IF NOT EXISTS outbox_created_at ON outbox (created_at);

DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_publication WHERE pubname = 'shop_outbox') THEN
        -- inserts only: pruned rows are no news
        CREATE PUBLICATION shop_outbox FOR TABLE outbox WITH (publish = 'insert');
    END IF;
    IF NOT EXISTS (SELECT FROM pg_publication WHERE pubname = 'shop_tables') THEN
        CREATE PUBLICATION shop_tables FOR TABLE customers, preferences, devices WITH (publish = 'insert, update, delete');
    END IF;
END $$;
