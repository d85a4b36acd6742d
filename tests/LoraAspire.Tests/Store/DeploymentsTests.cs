using LoraAspire.Runtime.Store;

namespace LoraAspire.Tests.Store;

public sealed class DeploymentsTests : IDisposable
{
    private readonly TestFolder _folder = new();
    private readonly Deployments _deployments;

    public DeploymentsTests() => _deployments = new(_folder.Paths.Store);

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void The_newest_deployment_of_a_name_is_what_it_serves_and_nothing_else_is_left()
    {
        _deployments.Deploy("雁栖-7B", _folder.At("store", "objects", "one"));
        _deployments.Deploy("雁栖-7B", _folder.At("store", "objects", "two"));

        Assert.Equal(("雁栖-7B", "objects/two"),
            Assert.Single(_deployments.List().Select(deployment => (deployment.Name, deployment.Folder))));
        Assert.Single(Directory.GetFiles(_folder.At("store", "serving")));
    }

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("{}")]
    [InlineData("{\"name\":null,\"folder\":null}")]
    [InlineData("[1")]
    public void A_file_that_cannot_be_read_deploys_nothing_and_hides_no_other(string damaged)
    {
        _deployments.Deploy("whole", _folder.At("store", "objects", "one"));
        _folder.Write("store/serving/damaged.json", damaged);

        Assert.Equal("whole", Assert.Single(_deployments.List()).Name);
    }

    [Theory]
    [InlineData("..")]
    [InlineData("../x")]
    [InlineData("a\0b")]
    [InlineData("a\\b")]
    [InlineData(" ")]
    public void A_name_that_is_no_files_name_is_refused(string name) =>
        Assert.Throws<ArgumentException>(() => _deployments.Deploy(name, "x"));
}
