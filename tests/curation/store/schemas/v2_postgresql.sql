CREATE TABLE drafts (
  item_id VARCHAR(40) NOT NULL,
  "user" VARCHAR(80) NOT NULL,
  fields TEXT NOT NULL,
  saved_at VARCHAR(32) NOT NULL,
  PRIMARY KEY (item_id, "user")
);
CREATE TABLE frozen (
  name VARCHAR(80) NOT NULL,
  version INTEGER NOT NULL,
  hash VARCHAR(64) NOT NULL,
  options TEXT NOT NULL,
  counts TEXT NOT NULL,
  created_at VARCHAR(32) NOT NULL,
  created_by VARCHAR(80) NOT NULL,
  PRIMARY KEY (name, version)
);
CREATE TABLE items (
  id VARCHAR(40) NOT NULL,
  task VARCHAR(40) NOT NULL,
  origin VARCHAR(20) NOT NULL,
  source VARCHAR(200),
  file VARCHAR(1000),
  line INTEGER,
  lang VARCHAR(2),
  payload TEXT NOT NULL,
  excerpt TEXT NOT NULL,
  group_key VARCHAR(1200) NOT NULL,
  flags TEXT NOT NULL,
  meta TEXT NOT NULL,
  seq INTEGER NOT NULL,
  created_at VARCHAR(32) NOT NULL,
  PRIMARY KEY (id)
);
CREATE INDEX items_by_file ON items (source, file);
CREATE INDEX items_by_task ON items (task, seq);
CREATE TABLE llm_calls (
  request_hash VARCHAR(64) NOT NULL,
  campaign VARCHAR(80) NOT NULL,
  ordinal INTEGER NOT NULL,
  request TEXT NOT NULL,
  status VARCHAR(20) NOT NULL,
  response TEXT,
  problem TEXT,
  prompt_tokens INTEGER,
  completion_tokens INTEGER,
  created_at VARCHAR(32) NOT NULL,
  PRIMARY KEY (request_hash)
);
CREATE INDEX llm_calls_by_campaign ON llm_calls (campaign, ordinal);
CREATE TABLE schema_version (
  version INTEGER NOT NULL
);
CREATE TABLE sign_in_failures (
  id SERIAL NOT NULL,
  name VARCHAR(80) NOT NULL,
  failed_at VARCHAR(32) NOT NULL,
  PRIMARY KEY (id)
);
CREATE INDEX sign_in_failures_by_name ON sign_in_failures (name, failed_at);
CREATE TABLE sources (
  name VARCHAR(200) NOT NULL,
  origin TEXT NOT NULL,
  revision VARCHAR(80),
  created_at VARCHAR(32) NOT NULL,
  created_by VARCHAR(80) NOT NULL,
  PRIMARY KEY (name)
);
CREATE TABLE users (
  name VARCHAR(80) NOT NULL,
  role VARCHAR(20) NOT NULL,
  password_hash TEXT,
  lang VARCHAR(2) NOT NULL,
  created_at VARCHAR(32) NOT NULL,
  disabled_at VARCHAR(32),
  PRIMARY KEY (name)
);
CREATE TABLE annotations (
  id SERIAL NOT NULL,
  item_id VARCHAR(40) NOT NULL,
  "user" VARCHAR(80) NOT NULL,
  role VARCHAR(20) NOT NULL,
  op_id VARCHAR(64) NOT NULL,
  action VARCHAR(20) NOT NULL,
  answer TEXT,
  explanation TEXT NOT NULL,
  reason TEXT,
  elapsed_ms INTEGER,
  undoes INTEGER,
  created_at VARCHAR(32) NOT NULL,
  PRIMARY KEY (id),
  CONSTRAINT annotations_once UNIQUE (op_id, item_id),
  FOREIGN KEY(item_id) REFERENCES items (id)
);
CREATE INDEX annotations_by_item ON annotations (item_id, id);
CREATE INDEX annotations_by_user ON annotations ("user", id);
CREATE TABLE item_states (
  item_id VARCHAR(40) NOT NULL,
  task VARCHAR(40) NOT NULL,
  source VARCHAR(200),
  seq INTEGER NOT NULL,
  score FLOAT NOT NULL,
  status VARCHAR(20) NOT NULL,
  answers INTEGER NOT NULL,
  PRIMARY KEY (item_id),
  FOREIGN KEY(item_id) REFERENCES items (id)
);
CREATE INDEX item_states_by_score ON item_states (status, score, seq);
CREATE INDEX item_states_by_status ON item_states (status, seq);
CREATE INDEX item_states_by_task ON item_states (task, status, seq);
CREATE TABLE sessions (
  token_hash VARCHAR(64) NOT NULL,
  "user" VARCHAR(80) NOT NULL,
  created_at VARCHAR(32) NOT NULL,
  expires_at VARCHAR(32) NOT NULL,
  PRIMARY KEY (token_hash),
  FOREIGN KEY("user") REFERENCES users (name)
);
CREATE TABLE source_files (
  source VARCHAR(200) NOT NULL,
  path VARCHAR(1000) NOT NULL,
  sha256 VARCHAR(64) NOT NULL,
  bytes INTEGER NOT NULL,
  encoding VARCHAR(20),
  lines INTEGER,
  problem TEXT,
  PRIMARY KEY (source, path),
  FOREIGN KEY(source) REFERENCES sources (name)
);
INSERT INTO schema_version (version) VALUES (2);
