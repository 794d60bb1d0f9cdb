-- Orders of the account that the frozen store has, enough that bringing it up to date takes its time; each engine takes it.

WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 10000)
INSERT INTO orders (account_id, order_id, email, email_key, pay_status, created, paid, is_recurrent,
                    first_name, last_name, middle_name, phone, country, region, city, address, postalcode, comment,
                    tag, kupon, ip, domain, link, type, payway, rpo,
                    utm_medium, utm_source, utm_campaign, utm_content, utm_term,
                    aff_medium, aff_source, aff_campaign, aff_content, aff_term, aff, aff_name, paff, paff_name, ad_id)
SELECT 1, 2000 + n, 'buyer' || n || '@example.com', 'buyer' || n || '@example.com', 'paid', 1767225600 + n, 1767225700 + n, 0,
       'Anna', '', '', '', '', '', '', '', '', '',
       'tag ' || n, '', '', '', '', '', '', '',
       '', '', '', '', '',
       '', '', '', '', '', '', '', '', '', ''
  FROM numbers;

WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 10000)
INSERT INTO order_lines (account_id, email_key, order_id, position, pay_status, version_id, sum, price, pincode)
SELECT 1, 'buyer' || n || '@example.com', 2000 + n, 0, 'paid', 1, 100000, 100000, ''
  FROM numbers;
