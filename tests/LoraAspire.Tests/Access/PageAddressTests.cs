using LoraAspire.ServiceDefaults;

namespace LoraAspire.Tests.Access;

/// <summary>Links between the app's pages.</summary>
public sealed class PageAddressTests
{
    [Theory]
    [InlineData("http://localhost:15080", "http://localhost:15081", "http://localhost:15080/")]
    [InlineData("http://localhost:15080", "http://192.168.1.5:15081", "http://192.168.1.5:15080/")]
    [InlineData("http://127.0.0.1:15080/lab", "http://gpu.example:15081", "http://gpu.example:15080/lab")]
    [InlineData("http://localhost:15080", "http://[fd00::5]:15081", "http://[fd00::5]:15080/")]
    [InlineData("http://[::1]:15080", "http://127.0.0.1:15081", "http://[::1]:15080/")]
    [InlineData("https://lab.example", "http://gpu.example:15081", "https://lab.example/")]
    [InlineData("http://localhost.example:15080", "http://gpu.example:15081", "http://localhost.example:15080/")]
    [InlineData("http://localhost:15080", "http://localhost.example:15081", "http://localhost.example:15080/")]
    public void A_page_on_loopback_is_linked_by_the_host_that_the_browser_sees(string page, string here, string expected) =>
        Assert.Equal(expected, PageAddress.SeenFrom(new Uri(here), page));

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("lab")]
    [InlineData("/lab")]
    [InlineData("javascript:alert(1)")]
    [InlineData("file:///etc/passwd")]
    public void What_is_no_web_address_is_no_link(string? address)
    {
        Assert.Null(PageAddress.Of(address));
        Assert.Null(PageAddress.SeenFrom(new Uri("http://gpu.example:15081"), address));
    }
}
