using System.IO.Compression;
using System.Text;
using LoraAspire.Pipelines.Stages.DataSources;
using LoraAspire.Runtime.Stages;

namespace LoraAspire.Tests.DataBuild;

/// <summary>Files that were cut off or changed on their way here: never rows lost in silence, never a stack trace.</summary>
public sealed class DamagedFilesTests
{
    private const int Rows = 3000;

    private static byte[] Gzip(Func<int, string> row)
    {
        using MemoryStream packed = new();
        using (GZipStream gzip = new(packed, CompressionLevel.Fastest, leaveOpen: true))
        {
            gzip.Write(Encoding.UTF8.GetBytes(string.Concat(Enumerable.Range(0, Rows).Select(row))));
        }
        return packed.ToArray();
    }

    private static byte[] Jsonl => Gzip(i => $$"""{"instruction": "q{{i}}", "output": "a{{i}}"}""" + "\n");

    [Theory]
    [InlineData(8)]
    [InlineData(400)]
    public async Task A_gzip_file_that_was_cut_off_is_refused_wherever_the_cut_is(int missing)
    {
        var message = await new StageRun().File("a.jsonl.gz", Jsonl[..^missing]).FailureAsync(StageRun.With(StageRun.Alpaca("a.jsonl.gz")));
        Assert.Contains("a.jsonl.gz: the gzip file is damaged", message);
    }

    [Theory]
    [InlineData("a.csv.gz")]
    [InlineData("a.tsv.gz")]
    [InlineData("a.jsonl.gz")]
    public async Task A_gzip_file_that_is_damaged_in_its_first_block_is_refused_whatever_it_holds(string name)
    {
        var bytes = Gzip(i => $"{i}\n");
        bytes[10] = 0xFF; // the head of the first block, behind gzip's own ten bytes: no such form
        var message = await new StageRun().File(name, bytes).FailureAsync(StageRun.With(StageRun.Alpaca(name)));
        Assert.StartsWith($"{name}: the gzip file is damaged", message);
    }

    [Fact]
    public async Task A_gzipped_table_that_was_cut_off_is_refused()
    {
        var message = await new StageRun().File("a.csv.gz", Gzip(i => i == 0 ? "instruction,output\n" : $"q{i},a{i}\n")[..^8])
            .FailureAsync(StageRun.With(StageRun.Alpaca("a.csv.gz")));
        Assert.Contains("a.csv.gz: the gzip file is damaged", message);
    }

    [Fact]
    public async Task A_gzipped_corpus_that_was_cut_off_is_refused()
    {
        DataSource pairs = new ParallelSource { Path = "a.tsv.gz", SrcLang = "English", TgtLang = "German" };
        var message = await new StageRun().File("a.tsv.gz", Gzip(i => $"one {i}\teins {i}\n")[..^8]).FailureAsync(StageRun.With(pairs));
        Assert.Contains("a.tsv.gz: the gzip file is damaged", message);
    }

    [Fact]
    public async Task A_parquet_file_of_garbage_is_refused_in_words()
    {
        var message = await new StageRun().File("a.parquet", [.. "PAR1"u8, .. new byte[100], .. "PAR1"u8])
            .FailureAsync(StageRun.With(StageRun.Alpaca("a.parquet")));
        Assert.Contains("a.parquet: not a readable parquet file", message);
        message = await new StageRun().File("a.parquet", [.. "PAR1"u8, .. Enumerable.Repeat((byte)0xFF, 64), 64, 0, 0, 0, .. "PAR1"u8])
            .FailureAsync(StageRun.With(StageRun.Alpaca("a.parquet")));
        Assert.Contains("a.parquet: not a readable parquet file", message);
    }

    [Theory]
    [InlineData("a.json", "[]", "a.json: holds no record")]
    [InlineData("a.csv", "instruction,output\n", "a.csv: holds no record")]
    [InlineData("a.xlsx", "PK", "a.xlsx: .xlsx files aren't read")]
    public async Task A_source_that_gives_nothing_stops_the_run_beside_others_that_do(string name, string text, string words) =>
        Assert.Contains(words, await new StageRun().File(name, text)
            .FailureAsync(StageRun.With(new SelfCognitionSource { Name = "Pebble", Developer = "the lab" }, StageRun.Alpaca(name))));

    [Fact]
    public async Task A_list_inside_one_object_is_refused_before_memory_holds_it_all()
    {
        var path = Path.Combine(Directory.CreateTempSubdirectory("lora-").FullName, "a.json");
        await using (var file = File.Create(path))
        {
            await file.WriteAsync(Encoding.UTF8.GetBytes("{\"data\": ["), TestContext.Current.CancellationToken);
            var records =
                Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat("{\"instruction\": \"a\", \"output\": \"b\"},\n", 30_000)));
            for (var written = 0L; written < 40L << 20; written += records.Length)
            {
                await file.WriteAsync(records, TestContext.Current.CancellationToken);
            }
        }
        var error = Assert.Throws<StageException>(
            () => new LoraAspire.DataBuild.Sources.AlpacaRecords(new() { Path = "a.json" }, new("a.json", path)).Read().Count());
        File.Delete(path);
        Assert.Contains("a.json:1: row 0 is longer than 32 MiB. Is it one object around the records", error.Message);
    }
}
