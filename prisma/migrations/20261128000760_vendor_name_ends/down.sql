ALTER TABLE vendors DROP CONSTRAINT chk_vendor_name_ends;
