<?php
// Makes the test vectors with PHP itself: what it makes of form bodies, of arrays, and of values for JSON.
// Usage: php vectors/generate.php          (PHP 8.2 with curl; the same cases each time; writes beside itself)

require __DIR__ . '/router.php';

const SEED = 20261124;
const URLENCODED = 'application/x-www-form-urlencoded';

/** A PHP server on a port of its own, with PHP's own limits and no php.ini. */
final class Server
{
    private $process;
    private CurlHandle $curl;

    public function __construct()
    {
        $free = stream_socket_server('tcp://127.0.0.1:0');
        $address = stream_socket_get_name($free, false);
        fclose($free);
        $command = [PHP_BINARY, '-n', '-d', 'display_errors=0', '-d', 'extension=iconv', '-S', $address, __DIR__ . '/router.php'];
        $nowhere = ['file', '/dev/null', 'w'];
        $this->process = proc_open($command, [['file', '/dev/null', 'r'], $nowhere, $nowhere], $pipes);
        $this->curl = curl_init("http://$address/");
        curl_setopt_array($this->curl, [CURLOPT_POST => true, CURLOPT_RETURNTRANSFER => true]);
        for ($try = 0; $try < 100 && @fsockopen("tcp://$address") === false; $try++) {
            usleep(50_000);
        }
    }

    /** What PHP makes of a body. */
    public function post(string $type, string $body): array
    {
        curl_setopt($this->curl, CURLOPT_POSTFIELDS, $body);
        curl_setopt($this->curl, CURLOPT_HTTPHEADER, ["Content-Type: $type", 'Expect:']);
        $answer = curl_exec($this->curl);
        if (!is_string($answer) || !is_array($seen = json_decode($answer, true, 1024))) {
            fwrite(STDERR, 'The PHP server gave no answer: ' . curl_error($this->curl) . " $answer\n");
            exit(1);
        }
        return $seen;
    }

    public function __destruct()
    {
        proc_terminate($this->process);
        proc_close($this->process);
    }
}

/** One file of vectors, a case a line. */
final class Lines
{
    private $file;
    public int $count = 0;

    public function __construct(private string $name)
    {
        $this->file = fopen(__DIR__ . "/$name.jsonl", 'w');
    }

    public function add(array $case): void
    {
        ini_set('serialize_precision', '17');
        fwrite($this->file, json_encode($case, JSON_UNESCAPED_SLASHES | JSON_PRESERVE_ZERO_FRACTION | JSON_THROW_ON_ERROR, 1024) . "\n");
        ini_set('serialize_precision', '-1');
        $this->count++;
    }

    public function __destruct()
    {
        fclose($this->file);
        fwrite(STDERR, "$this->name: $this->count cases, " . filesize(__DIR__ . "/$this->name.jsonl") . " bytes\n");
    }
}

function pick(array $from): mixed
{
    return $from[mt_rand(0, count($from) - 1)];
}

/** So many picks, one behind the other. */
function joined(array $from, int $least, int $most): string
{
    $text = '';
    for ($left = mt_rand($least, $most); $left > 0; $left--) {
        $text .= pick($from);
    }
    return $text;
}

function random_bytes_of(int $most): string
{
    $text = '';
    for ($left = mt_rand(0, $most); $left > 0; $left--) {
        $text .= chr(mt_rand(0, 255));
    }
    return $text;
}

function random_letters(int $most): string
{
    $letters = ['a', 'b', 'Z', '0', '9', ' ', '.', '/', '"', '\\', "\n", "\t", "\0", "\x1f", "\x7f", "'", '<', '&', '=', '[', ']', '%', '~', '+', '@',
        'ж', 'é', 'я', '€', '漢', "\u{2028}", "\u{feff}", "\u{ffff}", "\u{80}", "\u{7ff}", "\u{800}", "\u{d7ff}", "\u{e000}", '😀', "\u{10000}", "\u{10ffff}"];
    return joined($letters, 0, $most);
}

// --- Bodies of type urlencoded ---------------------------------------------------------------------------------------

function brackets(int $levels, string $index = 'x'): string
{
    return str_repeat("[$index]", $levels);
}

function numbered(int $from, int $to, string $format = 'v%d=1'): string
{
    return implode('&', array_map(fn ($at) => sprintf($format, $at), range($from, $to)));
}

function systematic_bodies(): array
{
    $bodies = ['', '&', '&&&', '&a=1&', 'a&&b', 'a=b;c=d', 'a==b=c', 'a&b', 'a&a=2', 'a=1=2&=x&b', '=', '==', '=&=', 'a=', '=a',
        'a%3Db=1', 'a%26b=1', 'a=%', 'a=%4', 'a=%zz', 'a=%2G%2', 'a=%u0041', 'a=%%41', 'a=%%%41', 'a=%4%31', 'a=%aF%Af%AF', 'a=+%2B+', '%41+b=1',
        "\xEF\xBB\xBFa=1", "a=\0x", "a=\r\n", "a=\xff\xfe", "\xff=1", 'a=%00b',
        'a%00b=1', '%00a=1', 'a[b%00c]=1', 'a[b]%00[c]=1', 'a%00[b]=1', '+a=1', '++a=1', '%20%20a=1', '%09a=1', 'a+=1', 'a+b=1', 'a.b=1', 'a.b.c=1',
        "a\tb=1", 'a%0Ab=1', 'a]=1', 'a-b=1', 'a]b[c]=1', '+=1', '[a]=1', '[]=1', '[=1', '.=1', '..=1', '+.=1', ' [a]=1', '.[a]=1', '%5Ba%5D=1',
        '..Host-b=1', '__Host-a=1', '..Secure-b=1', '__Secure-a=1', '__Host=1', 'a[__Host-b]=1', '__Host-a[__Host-b]=1', '..Host-b[c]=1', '+__Host-a=1',
        'a[__Secure-b]=1', 'a[][__Host-b]=1', '.[__Host-b]=1', 'a[__Host-b][c]=1', '[_Host-a=1', '_[Host-a=1', '__Host-[a=1', '..Host-[a=1', 'a[x]=1&a[__Host-x]=2',
        'a[__Host-b]' . brackets(64) . '=1', '..Host-a' . brackets(65) . '=1', 'a=1&a[__Host-b][c]=1&__Host-z[a][__Host-b][c]=1',
        'this=1', 'GLOBALS=1', '_POST=1', 'GLOBALS[a]=1', 'A=1&a=2', 'this[a]=1', '_SERVER[x]=1',
        'a[k]=1', 'a[k][l]=1', 'a.b[c.d][e f]=1', 'a.b[c.d][e%20f]=1', "a['k']=1", 'a["k"]=1', 'a[[b]]=1', 'a[b[c]=1', 'a[x%5Dy]=1', 'a%5Bx%5D=1', 'a[x%5D=1', 'a%5Bx]=1',
        'a[b]c=1', 'a[b]c[d]=1', 'a[b]]=1', 'a[]b=1', 'a[b].c=1', 'a[b]+[c]=1', 'a[]=1&a[]=2', 'a[+]=1&a[+]=2', 'a[%09]=1', 'a[%0A]=1', 'a[%0B]=1', 'a[%0C]=1', 'a[%0D]=1',
        'a[++]=1', 'a[+b]=1', 'a[b+]=1', 'a[%A0]=1', 'a[%00]=1', 'a[=1', 'a[b.c+d[e=1', 'a[b][c=1', 'a[b][=1', 'a[][c=1', 'a[][=1', 'a[x=1]=2', 'a[+=1', 'a[+b=1', 'a[[=1', 'a[[[=1', 'a[]]=1',
        'a[b][[c]=1', 'a[b][c][=1', 'a[b][+=1', 'a[b][+]=1', 'a+b[=1', 'a.b[c=1', 'hash[=1', 'hash[a=1',
        '0=a', '5=a&05=b', '-1=a&-0=b', 'a[5]=x&a[]=y&a[2]=z&a[]=w', 'a[-5]=x&a[]=y&a[]=z', 'a[-1]=x&a[]=y', 'a[05]=x&a[]=y', 'a[x]=1&a[]=2', 'a[-5]=1&a[3]=2&a[]=3&a[-9]=4&a[]=5',
        'a[9223372036854775807]=1&a[]=2', 'a[9223372036854775808]=1&a[]=2', 'a[-9223372036854775808]=1&a[]=2', 'a[-9223372036854775809]=1', 'a[9223372036854775806]=1&a[]=2&a[]=3&a[x]=4',
        'a[9223372036854775807]=1&a[][b]=2&c=3', 'a[9223372036854775807]=1&a[]' . brackets(64) . '=2&c=3', '9223372036854775807=1&9223372036854775808=2', '18446744073709551616=1', '00=1&0=2&+1=3&1.5=4&1e3=5&0x1=6&1+=7',
        'a=1&b=2&a=3', 'a=1&z=9&a[b]=2', 'a[x]=1&z=1&a=2&a[y]=3', 'a[b]=1&a[b][c]=2', 'a[b][c]=1&a[b]=2&a[b][d]=3', 'a.b=1&a_b=2', 'a[b]=1&a[c]=2&a[b]=3', 'a[]=1&a=2&a[]=3', 'a[1]=x&a[0]=y', 'a[0]=x&b=1&a[1]=y',
        'hash=x', 'a=1&hash=x', 'hash=x&a=1', 'a=1&hash=x&b=2', 'hash=1&hash=2', 'hash[]=1', 'hash=', '+hash=1', 'hash%00x=1&hash=2', '%68ash=1', 'Hash=1', 'hash+=1', 'hash.=1', 'hash[a][b]=1&x=2', 'rpsKey=x', 'rpsKey[]=x&a', 'hash',
        'rid%5B0%5D=super&x=2&rid%5B1%5D=b', 'email=anna%40example.com&pay_status=paid&hash=ccad26ca94a071dbcc4552c0af712200',
        numbered(1, 999), numbered(1, 1000), numbered(1, 1001), numbered(1, 1002), numbered(1, 1000) . '&', numbered(1, 1000) . '&&', numbered(1, 1000) . '&=x&w=1', numbered(1, 1001) . '&hash=x',
        str_repeat('&', 1000) . 'a=1', str_repeat('&', 1001) . 'a=1', str_repeat('=x&', 1000) . 'a=1', str_repeat('a=1&', 1000) . 'b=2', str_repeat('a=1&', 1001) . 'b=2', str_repeat('a[]=&', 40) . 'b=2',
        str_repeat('a[]=1&', 1001) . 'c=1', numbered(1, 1001, 'a[%d][]='), numbered(1, 40, 'k%d=1') . '&' . numbered(1, 40, 'k%d=2')];
    foreach ([63, 64, 65, 66, 200] as $levels) {
        foreach (['x', '', '0', ' '] as $index) {
            $bodies[] = 'a' . brackets($levels, $index) . '=1&b=2';
        }
        array_push($bodies, 'a[k]=1&b=2&a' . brackets($levels) . '=3&c=4', 'a' . brackets($levels) . '=3&a=1', 'a' . brackets($levels) . 'z=1', '5' . brackets($levels) . '=1&5=2', 'a' . brackets($levels - 1) . '[=1&b=2',
            'a' . brackets($levels - 1) . '[y=1&a' . brackets($levels - 1) . '[]=2', 'a' . str_repeat('[', $levels) . '=1', 'a' . str_repeat('[', $levels) . ']=1', 'a.b' . brackets($levels) . '=1&a_b=2', 'hash' . brackets($levels) . '=1&x=1');
    }
    for ($byte = 0; $byte < 256; $byte++) {
        $hex = sprintf('%%%02x', $byte);
        array_push($bodies, 'a=' . chr($byte) . '&b=1', "x{$hex}y[p{$hex}q]=$hex", "{$hex}a=1", "a[$hex]=1&a[]=2", 'n' . chr($byte) . 'm=1', "t[k]{$hex}[l]=1");
    }
    return $bodies;
}

function random_body(): string
{
    $names = ['a', 'a', 'b', 'hash', '[', '[', ']', ']', '[]', '[a]', '[0]', '[1]', '[-3]', '[ ]', '[+]', '[b]', '%5B', '%5D', '.', '+', '%20', '%00', '5', '-5', '05', '9223372036854775807', '%', '%zz', '%41', "\xff", "\t",
        '__Host-', '_', '%3D', '%26', "'"];
    $values = ['1', 'x', '', '=', '+', '%2B', '%', '%4', '%00', '%ff', "\xd0\x96", '%D0%96', '[', ']', '~', '*', ';', '.', ' '];
    $pairs = [];
    for ($left = mt_rand(1, 8); $left > 0; $left--) {
        $pair = joined($names, 0, 6);
        $pairs[] = mt_rand(0, 9) ? $pair . '=' . joined($values, 0, 4) : $pair;
    }
    return implode('&', $pairs);
}

// --- Bodies of type multipart ----------------------------------------------------------------------------------------

function part(string $headers, string $value, string $boundary = 'B'): string
{
    return "--$boundary\r\n$headers\r\n\r\n$value\r\n";
}

function field(string $name, string $value): string
{
    return part("Content-Disposition: form-data; name=\"$name\"", $value);
}

function systematic_multipart(): array
{
    $type = 'multipart/form-data; boundary=B';
    $end = "--B--\r\n";
    $one = field('a', '1') . $end;
    $cases = [];
    foreach (['multipart/form-data; boundary=B', 'Multipart/Form-Data; BOUNDARY=B', 'multipart/form-data; boundary="B"', 'multipart/form-data; boundary=B; charset=utf-8', 'multipart/form-data; boundary=B,x', 'multipart/form-data;boundary=B',
        'multipart/form-data', 'multipart/form-data; boundary', 'multipart/form-data; boundary=', 'multipart/form-data; boundary=""', 'multipart/form-data; boundary="B', 'multipart/form-data; boundary=C', 'multipart/form-data; boundary= B',
        'multipart/form-data; boundary=B ', 'multipart/form-data; charset=x; boundary=B', 'multipart/form-data; boundary=b', 'multipart/form-data; xboundary=B', 'multipart/form-data; boundary x=B', 'multipart/form-data; Boundary=C; boundary=B',
        'multipart/form-data; boundary=C; boundary=B', 'multipart/form-data, boundary=B', 'multipart/form-data boundary=B', 'multipart/form-data; boundary="B"x', "multipart/form-data; boundary='B'", 'multipart/form-data; boundary=' . str_repeat('B', 5116), 'multipart/form-data; boundary=' . str_repeat('B', 5117)] as $odd) {
        $cases[] = [$odd, $one];
        $cases[] = [$odd, "--\r\nContent-Disposition: form-data; name=e\r\n\r\n1\r\n--\r\n" . $one];
    }
    $long = str_repeat('B', 5116);
    $cases[] = ["multipart/form-data; boundary=$long", part('Content-Disposition: form-data; name=a', '1', $long) . "--$long--\r\n"];
    $dispositions = ['form-data; name="a"', 'form-data; name=a', "form-data; name='a b'", 'attachment; name="a"', 'FORM-DATA; NAME="a"', 'form-data;name="a"', ' form-data ; name = "a"', 'form-data; name="a', 'form-data; name="a\\"b"', 'form-data; name="a\\\\b"',
        'form-data; name="a\\b"', "form-data; name='a\\'b'", "form-data; name='a\\\"b'", 'form-data; name=a\\\\b', 'form-data; name=a b', 'form-data; name="a;b"', "form-data; name='a;b'", 'form-data; name=a;b', 'form-data; name="a"b', 'form-data; name=x"a"', 'form-data; name="a"; name="b"', 'form-data; name=""',
        'form-data; name=', 'form-data; name', 'form-data', '', 'form-data;; name="a"', 'form-data; x=1; name="a"; y=2', 'form-data; name==a', 'form-data; name="a=b"', 'form-data; name*=a', "form-data; name*=utf-8''a", 'form-data; name="a"; filename="f"', 'form-data; name="a"; filename=""',
        'form-data; name="a"; filename=', 'form-data; name="a"; filename', "form-data; name=\"a\"; filename*=utf-8''f", 'form-data; filename="f"', 'form-data; filename="f"; name="a"', 'form-data; name="a[b]"', 'form-data; name="a[]"', 'form-data; name="a.b"', 'form-data; name="a b"', 'form-data; name=" a"', 'form-data; name="a%20b+c"',
        'form-data; name="a[b"', 'form-data; name="[a]"', "form-data; name=\"a\xff\"", "form-data; name=\"\xd0\xb6\"", 'form-data; name="quo%22te"', 'form-data; name="a[b]c"; filename="f"', 'form-data; name="a[b"; filename="f"', 'form-data; name="a]"; filename="f"', 'form-data; name="a]["; filename="f"', 'form-data; name="a"; FileName="f"',
        'form-data; name="a\\', "form-data; name='a\" b'", 'form-data; name="a\' b"', 'form-data; "x;name=b"; name=a', "form-data; x='y; name=\"a\"", 'name=a', 'name="a"; form-data', '=; name=a', '=name=b; name=a', "form-data; name=\"a\0b\"", "form-data\0; name=\"a\"", "form-data; name=\ta", 'form-data; name=" "', 'form-data; name="__Host-a"', 'form-data; name="..Host-a"',
        'form-data; name="hash"', 'form-data; name="MAX_FILE_SIZE"', 'form-data; name="a' . brackets(64) . '"', 'form-data; name="a' . brackets(65) . '"', 'form-data; name="' . str_repeat('n', 6000) . '"'];
    foreach ($dispositions as $disposition) {
        $cases[] = [$type, part("Content-Disposition: $disposition", '1') . field('z', '2') . $end];
    }
    $headers = ["content-disposition: form-data; name=a", "CONTENT-DISPOSITION:form-data; name=a", "Content-Disposition :form-data; name=a", "Content-Type: text/plain\r\nContent-Disposition: form-data; name=a", "Content-Disposition: form-data; name=a\r\nContent-Transfer-Encoding: base64",
        "Content-Disposition: form-data;\r\n name=a", "Content-Disposition: form-data;\r\n\tname=a", "Content-Disposition: form-data; name=a\r\nContent-Disposition: form-data; name=b", "Content-Disposition: form-data; na\r\nme=a", "X: y", "X", "Content-Disposition", " Content-Disposition: form-data; name=a",
        "X: y\r\n Content-Disposition: form-data; name=a", "Content-Disposition: form-data; name=a\r\n b", "Content-Disposition: form-data; name=\"a\r\nb\"", "Content-Disposition: form-data; name=a\r\n: x", "\0X\r\nContent-Disposition: form-data; name=a", "X: y\0z\r\nContent-Disposition: form-data; name=a", "Content-Disposition: form-data; name=\"a\"\nX: y",
        "X: " . str_repeat('y', 6000) . "\r\nContent-Disposition: form-data; name=a", "X: " . str_repeat('y', 5117) . "\r\nContent-Disposition: form-data; name=a", "Content-Disposition:\r\n form-data; name=a", "Content-Disposition: \t form-data; name=a", "\x0bContent-Disposition: form-data; name=a"];
    foreach ($headers as $header) {
        $cases[] = [$type, part($header, '1') . field('z', '2') . $end];
    }
    foreach (['', "\r", "\n", "\r\n", "\r\r", "\n\n", "x\r\n", "\r\nx", "--B", "x--B", "\r\n--Bx", "\r\n --B", "\r\n--B ", "a\0b", "\xff", '%41+', "\r\n-", "\r\n--", str_repeat('v', 5119), str_repeat('v', 5118) . "\r", str_repeat("\r\n", 2600), str_repeat('v', 12000)] as $value) {
        $cases[] = [$type, field('a', $value) . field('z', '2') . $end];
        $cases[] = [$type, "--B\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n$value"];
        $cases[] = [$type, "--B\nContent-Disposition: form-data; name=\"a\"\n\n$value\n--B\nContent-Disposition: form-data; name=z\n\n2\n--B--\n"];
    }
    $short = fn ($name, $more = '') => "--B\nContent-Disposition:;name=$name$more\n\n\n";
    $file = fn ($name, $content) => part("Content-Disposition: form-data; name=\"$name\"; filename=\"f\"", $content);
    array_push($cases, [$type, "preamble\r\n" . $one], [$type, "--Bx\r\n" . $one], [$type, " --B\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n" . $end], [$type, str_repeat('p', 5120) . $one], [$type, str_repeat('p', 5121) . $one], [$type, str_repeat('p', 5120) . "\r\n" . $one],
        [$type, $one . field('z', '2') . $end], [$type, field('a', '1') . "--B-- \r\n" . field('z', '2')], [$type, field('a', '1') . '--B--'], [$type, field('a', '1') . '--B'], [$type, field('a', '1') . "--B\r\n"], [$type, field('a', '1') . "--B\r\n\r\n"],
        [$type, ''], [$type, "\r\n"], [$type, '--B'], [$type, "--B\r\n"], [$type, "--B\0x\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n--B--\r\n"], [$type, 'a=1&b=2'], [$type, field('a', '1') . field('a', '2') . field('b[]', '3') . field('b[]', '4') . field('b', '5') . $end],
        [$type, "--B\r\nContent-Disposition: form-data; name=a\r\n\r\n--B\r\nContent-Disposition: form-data; name=z\r\n\r\n2\r\n--B--\r\n"], [$type, "--B\r\nContent-Disposition: form-data; name=a\r\n--B\r\nContent-Disposition: form-data; name=z\r\n\r\n2\r\n--B--\r\n"],
        [$type, "--B\r\nContent-Disposition: form-data; name=a; filename=f\r\n\r\n--B\r\nContent-Disposition: form-data; name=z\r\n\r\n2\r\n--B--\r\n"], [$type, "--B\r\nContent-Disposition: form-data; name=a; filename=\"\"\r\n\r\n--B\r\nContent-Disposition: form-data; name=z\r\n\r\n2\r\n--B--\r\n"],
        [$type, "--B\r\nContent-Disposition: form-data; name=a]; filename=f\r\n\r\n--B\r\nContent-Disposition: form-data; name=z\r\n\r\n2\r\n--B--\r\n"], [$type, $file('a', 'content') . field('a', '1') . field('a_name', '2') . $end], [$type, field('a', '1') . $file('a', 'content') . $end],
        [$type, $file('a[]', 'content') . field('a[]', '1') . field('a', '2') . $end], [$type, $file('a[x]', 'c') . field('a[x]', '1') . field('a[tmp_name]', '2') . $end], [$type, $file('a b', 'c') . field('a b', '1') . field('a_b', '2') . $end],
        [$type, implode('', array_map(fn ($at) => $file("f$at", 'c'), range(1, 22))) . field('z', '1') . $end], [$type, implode('', array_map($short, range(1, 1000))) . $end], [$type, implode('', array_map($short, range(1, 1001))) . $end],
        [$type, str_repeat($short(''), 1000) . field('z', '1') . $end], [$type, str_repeat($short(''), 999) . field('z', '1') . $end], [$type, str_repeat($short('', ';filename='), 1019) . field('z', '1') . $end], [$type, str_repeat($short('', ';filename='), 1020) . field('z', '1') . $end],
        [$type, str_repeat("--B\nX:\n\n\n", 1100) . field('z', '1') . $end]);
    // A file that is passed over, and then one whose content begins like a part: it is passed over, too.
    $inner = "--B\r\nContent-Disposition: form-data; name=c\r\n\r\n2";
    foreach ([$file('a]', '1'), $file('[]..', '1'), $file('a', '1'), part('Content-Disposition: form-data; name="a]"; filename=""', '1'),
        part('Content-Disposition: form-data; name="a"; filename=""', '1'), implode('', array_map(fn ($at) => $file("f$at", 'c'), range(1, 20)))] as $before) {
        $cases[] = [$type, $before . $file('b', $inner) . field('z', '3') . $file('b', $inner) . $end];
    }
    return $cases;
}

function random_multipart(): string
{
    $names = ['a', 'b', 'hash', 'a[b]', 'a[]', 'a.b', ' a', '[x', 'x[', '', 'a[b][c]', "\xff"];
    $values = ['1', '', "\r\n", "\n", "\r", '--B', "\r\n--B", "\0", '%41', '+', "\xff", '--', "\n--"];
    $quotes = ['"%s"', "'%s'", '%s', '"%s', ' "%s" '];
    $ends = ["\r\n", "\r\n", "\r\n", "\n", "\r"];
    $body = pick(['', '', '', "x\r\n", "\r\n"]);
    for ($left = mt_rand(1, 4); $left > 0; $left--) {
        $line = pick($ends);
        $body .= pick(['--B', '--B', '--B', '--B', '--B--', '--Bx', '-B']) . $line;
        $body .= pick(['', '', "X: y$line", " name=q$line"]);
        $body .= pick(['Content-Disposition: ', 'content-disposition:', 'Content-Disposition: ', 'X-']) . pick(['form-data; ', 'form-data;', '', 'x; y=z; ']);
        $body .= pick(['name=', 'name=', 'name=', 'NAME=', 'filename=f; name=', 'filename=""; name=', 'name']) . sprintf(pick($quotes), pick($names)) . $line;
        $body .= pick(['', '', "Content-Type: text/plain$line", "$line"]) . $line . joined($values, 0, 3) . pick($ends);
    }
    return $body . pick(["--B--\r\n", '--B--', '', "--B\r\n", '--']);
}

// --- Arrays for http_build_query -------------------------------------------------------------------------------------

function random_text_array(int $depth): array
{
    $keys = ['a', 'b', 'c d', 'e.f', '', ' ', '[', ']', 'g[0]', "\xff", "\0", '~', 'ж', 0, 1, 2, 5, -5, '05', '1.5', PHP_INT_MAX, PHP_INT_MIN];
    $array = [];
    for ($left = mt_rand(0, 4); $left > 0; $left--) {
        $value = $depth > 0 && mt_rand(0, 2) === 0 ? random_text_array($depth - 1) : random_bytes_of(5);
        if (mt_rand(0, 2) === 0) {
            $array[] = $value;
            if (array_key_last($array) === PHP_INT_MAX) {
                break;
            }
        } else {
            $array[pick($keys)] = $value;
            if (isset($array[PHP_INT_MAX])) {
                break;
            }
        }
    }
    return $array;
}

function random_float(): float
{
    return match (mt_rand(0, 5)) {
        0 => (float) mt_rand(-1000, 1000),
        1 => mt_rand(-100000, 100000) / 100,
        2 => mt_rand() * 10.0 ** mt_rand(-40, 40),
        3 => (float) (10 ** mt_rand(0, 30)),
        4 => 10.0 ** -mt_rand(0, 30) * pick([1, -1, 3, 25]),
        5 => mt_rand() / mt_getrandmax() * 10.0 ** mt_rand(-6, 20),
    };
}

function random_typed_array(int $depth): array
{
    $keys = ['a', 'b', 'c d', 'e.f', '', '[', 'g[0]', 'ж', '~', 0, 1, 5, -5, '05'];
    $array = [];
    for ($left = mt_rand(0, 4); $left > 0; $left--) {
        $value = match (mt_rand(0, 9)) {
            0 => null,
            1 => true,
            2 => false,
            3 => mt_rand(-100, 100),
            4 => pick([PHP_INT_MAX, PHP_INT_MIN, 0]),
            5 => round(random_float(), 10),
            6, 7 => $depth > 0 ? random_typed_array($depth - 1) : '',
            default => random_letters(5),
        };
        if (mt_rand(0, 1)) {
            $array[] = $value;
        } else {
            $array[pick($keys)] = $value;
        }
    }
    return $array;
}

// --- The files -------------------------------------------------------------------------------------------------------

function forms(Server $server): void
{
    $lines = new Lines('forms');
    $bodies = systematic_bodies();
    for ($left = 2000; $left > 0; $left--) {
        $bodies[] = random_body();
    }
    foreach ($bodies as $body) {
        $seen = $server->post(URLENCODED, $body);
        $lines->add(['body' => latin1($body)] + $seen);
    }
}

function multipart(Server $server): void
{
    $lines = new Lines('multipart');
    $cases = systematic_multipart();
    for ($left = 1500; $left > 0; $left--) {
        $cases[] = ['multipart/form-data; boundary=B', random_multipart()];
    }
    foreach ($cases as [$type, $body]) {
        ['post' => $post, 'query' => $query] = $server->post($type, $body);
        $lines->add(['type' => latin1($type), 'body' => latin1($body), 'post' => $post, 'query' => $query]);
    }
}

function queries(): void
{
    $lines = new Lines('queries');
    for ($byte = 0; $byte < 256; $byte++) {
        $array = ['k' . chr($byte) => 'v' . chr($byte), 'n' => [chr($byte) => '']];
        $lines->add(['array' => pairs($array), 'query' => http_build_query($array)]);
    }
    foreach ([[], ['' => 'x'], ['' => ['x']], ['a' => []], ['a' => ['b' => []], 'c' => '1'], ['a b' => ['c d' => '1', '' => '3']], ['g' => [['n' => 'a']]], [-5 => 'a'], ['rid[0]' => '1', 'x' => '2', 'rid[1]' => '3']] as $array) {
        $lines->add(['array' => pairs($array), 'query' => http_build_query($array)]);
    }
    for ($left = 800; $left > 0; $left--) {
        $array = random_text_array(3);
        $lines->add(['array' => pairs($array), 'query' => http_build_query($array)]);
    }
    $typed = [['a' => null, 'b' => true, 'c' => false, 'd' => 0, 'e' => '', 'f' => [null], 'g' => [1, null, 2], 'h' => []], ['x' => [[1.5, true], ['n' => null]]]];
    foreach ([1.0, 0.1 + 0.2, 1e13, 1e14, 1e15, 123456789012345.0, 99999999999999.5, 1e-4, 1e-5, -0.0, 1e300, 1e-300, 2.5, 0.00012345, 3900.00, 100000000000005.0, -805368161005905.0, 100000000000004.0, 100000000000015.0, 999999999999995.0] as $float) {
        $typed[] = ['f' => $float, 'g' => [-$float]];
    }
    for ($left = 800; $left > 0; $left--) {
        $typed[] = random_typed_array(3);
    }
    foreach ($typed as $array) {
        $lines->add(['json' => (object) $array, 'query' => http_build_query($array)]);
    }
}

function signatures(Server $server): void
{
    $lines = new Lines('signatures');
    for ($left = 600; $left > 0; $left--) {
        $login = pick(['demo', 'username', 'a', 'x-1']);
        $key = joined(str_split('0123456789abcdef!#$%&()*+-./:;<=>?@[]^_{|}~XYZ'), 1, 40);
        $array = random_text_array(2);
        unset($array['hash']);
        $query = http_build_query($array);
        $body = pick([$query, str_replace('+', '%20', $query), random_body()]);
        $seen = $server->post(URLENCODED, $body);
        $text = "::$login::$key";
        $lines->add(['login' => $login, 'key' => $key, 'query' => $query, 'hash' => md5($query . $text), 'body' => latin1($body), 'body_hash' => md5($seen['unsigned'] . $text)]);
    }
    $answers = [[0, 'OK'], [0, 'ok'], [1, 'Not transferred hash'], [2, 'No transmitted data'], [3, 'Wrong posted data'], [4, 'Incorrect hash'], [5, 'Invalid user name'], [7, 'Account disabled'], [400, 'Order not found']];
    foreach ($answers as [$code, $text]) {
        foreach (['', 'k', '0123456789abcdef0123456789abcdef'] as $key) {
            $lines->add(['code' => $code, 'text' => $text, 'key' => $key, 'hash' => md5($code . '::' . $text . '::' . $key)]);
        }
    }
}

function json(): void
{
    $lines = new Lines('json');
    $texts = [''];
    for ($point = 0; $point < 0x300; $point++) {
        $texts[] = letter($point);
    }
    foreach ([0x3ff, 0x400, 0x7ff, 0x800, 0xfff, 0x1000, 0x2027, 0x2028, 0x2029, 0xd7ff, 0xe000, 0xfdd0, 0xfeff, 0xfffd, 0xfffe, 0xffff, 0x10000, 0x1f600, 0x1ffff, 0x20000, 0xfffff, 0x100000, 0x10ffff] as $point) {
        $texts[] = letter($point);
    }
    for ($left = 500; $left > 0; $left--) {
        $texts[] = random_letters(12);
    }
    foreach ($texts as $text) {
        $lines->add(['value' => $text, 'json' => json_encode($text)]);
    }
    $floats = [0.0, -0.0, 1.0, 3900.00, 0.1, 0.1 + 0.2, 1e15, 1e16, 1e17, 123456789012345678.0, 1e21, 1e25, 0.001, 0.0001, 0.00012, 1e-5, 1.5e-5, 1e-10, PHP_FLOAT_MAX, PHP_FLOAT_MIN, PHP_FLOAT_EPSILON, 5e-324, 2.0 ** 53, 2.0 ** 63, 99999999999999990.0];
    for ($power = -1074; $power < 1024; $power++) {
        $floats[] = 2.0 ** $power;
    }
    for ($left = 200; $left > 0; $left--) {
        // Between two texts that are equally short and equally near.
        $floats[] = mt_rand(1 << 28, 1 << 30) * 1048576.0 + mt_rand(0, 1 << 20) + pick([0.25, 0.75, 0.125]);
    }
    for ($left = 700; $left > 0; $left--) {
        $floats[] = random_float();
        $bits = unpack('E', pack('NN', mt_rand(0, 0xffffffff), mt_rand(0, 0xffffffff)))[1];
        $floats[] = is_finite($bits) ? $bits : 1.5;
    }
    foreach ($floats as $float) {
        $lines->add(['bits' => bin2hex(pack('E', $float)), 'json' => json_encode($float)]);
    }
    $values = [null, true, false, 0, -1, PHP_INT_MAX, PHP_INT_MIN, [], [[]], new stdClass, [null, [true, ['a' => 1.5]]], ['ключ/"' => "\u{1}"], [1 => 'a', 0 => 'b'], ['' => '']];
    for ($left = 300; $left > 0; $left--) {
        $values[] = with_halves(random_typed_array(3));
    }
    foreach ($values as $value) {
        $lines->add(['value' => $value, 'json' => json_encode($value)]);
    }
    $arrays = [[], ['a'], [1 => 'a'], [0 => 'a', 2 => 'b'], [1 => 'a', 0 => 'b'], [-1 => 'a'], ['00' => 'a'], ['0' => 'a', '1' => 'b'], [0 => [0 => 'x']], ['' => 'x'], [[], []], ['a' => []]];
    for ($left = 400; $left > 0; $left--) {
        $arrays[] = random_text_array(3);
    }
    foreach ($arrays as $array) {
        $lines->add(['array' => pairs($array), 'json' => json_encode($array)]);
    }
}

/** Floats as halves, which every reader of JSON reads alike. */
function with_halves(array $array): array
{
    return array_map(fn ($value) => is_array($value) ? with_halves($value) : (is_float($value) ? round(fmod($value, 1000)) + 0.5 : $value), $array);
}

/** A code point as UTF-8, without PHP's intl or mbstring. */
function letter(int $point): string
{
    return iconv('UCS-4BE', 'UTF-8', pack('N', $point));
}

mt_srand(SEED);
$server = new Server();
forms($server);
multipart($server);
queries();
signatures($server);
json();
