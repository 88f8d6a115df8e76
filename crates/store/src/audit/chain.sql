UPDATE audit_log AS line
   SET sequence = chained.sequence, prev_hash = chained.prev_hash, hash = chained.hash
  FROM unnest($2, $3, $4, $5) AS chained (id, sequence, prev_hash, hash)
 WHERE line.workspace_id = $1 AND line.id = chained.id
