-- An account with orders in it, for the tables of the first version.
INSERT INTO accounts VALUES (1, 'shop', '0123456789abcdef0123456789abcdef', '', 0, 0, 1700000000, 1);
INSERT INTO products VALUES (1, 7, 'book', 'Book', 10000);
INSERT INTO product_versions VALUES (1, 1, 7, 'book', 'Book');
WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 500)
INSERT INTO orders
SELECT 1, n, 'c' || n || '@example.com', 'c' || n || '@example.com', 'waiting', 1700000000 + n, 0, 0,
       '', '', '', '', '', '', '', '', '', '', 't' || n, '', '', '', '', '', '', '', '', '', '', '', '',
       '', '', '', '', '', '', '', '', '', ''
  FROM numbers;
INSERT INTO order_lines SELECT 1, email_key, order_id, 0, 'waiting', 1, 10000, 10000, '' FROM orders;
