-- A name with a space at an end looks like the one without. Those there are lose it; where the name is another vendor's
-- then, the beginning of the vendor's id tells it apart.
UPDATE vendors v SET name = CASE WHEN EXISTS (
    SELECT FROM vendors o WHERE o.project_id = v.project_id AND o.vendor_id <> v.vendor_id AND lower(btrim(o.name)) = lower(btrim(v.name)))
  THEN left(btrim(v.name), 91) || '-' || left(v.vendor_id::text, 8) ELSE btrim(v.name) END
WHERE v.name <> btrim(v.name);
ALTER TABLE vendors ADD CONSTRAINT chk_vendor_name_ends CHECK (name = btrim(name));
